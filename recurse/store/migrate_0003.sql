-- A replicate that fails at generation 0 has no row in generations: its failure says which block it
-- ran in. block is NULL where that happened before there was such a column.
ALTER TABLE failures ADD COLUMN IF NOT EXISTS block VARCHAR;

-- progress: per cell the newest generation with no gap before it, the block that ran last, and the
-- reason why the next generation is missing if it was tried. Private; see v_cells. Only cells with a
-- gap are numbered: to sort them all would take longer than everything else that a report or a plan
-- asks.
CREATE OR REPLACE VIEW progress AS
WITH counted AS (
    SELECT cell, max(generation) AS last, count(*) AS held, arg_max(block, generation) AS block
    FROM generations GROUP BY cell
), numbered AS (
    SELECT cell, generation, block,
        row_number() OVER (PARTITION BY cell ORDER BY generation) - 1 AS place
    FROM generations WHERE cell IN (SELECT cell FROM counted WHERE held <= last)
), reached AS (
    SELECT cell, last AS done, block FROM counted WHERE held > last
    UNION ALL
    SELECT cell, max(generation), arg_max(block, generation)
    FROM numbered WHERE generation = place GROUP BY cell
), named AS (
    SELECT cell FROM cells UNION SELECT cell FROM counted UNION SELECT cell FROM failures
), missed AS (
    SELECT cell, generation, min(reason) AS reason, min(block) AS block
    FROM failures GROUP BY cell, generation
)
SELECT named.cell, coalesce(reached.done, -1) AS done,
    coalesce(missed.block, reached.block) AS block, missed.reason
FROM named LEFT JOIN reached USING (cell)
LEFT JOIN missed
    ON missed.cell = named.cell AND missed.generation = coalesce(reached.done, -1) + 1;

-- v_cells: the cells of each scenario. status: complete | partial | failed, from what is stored;
-- generations: how many the scenario wants; done: the newest one with no gap before it (-1: none);
-- reason: why the next one failed.
CREATE OR REPLACE VIEW v_cells AS
SELECT scenario, arm, policy, backend, seed, cell, m.block,
    CASE WHEN done >= m.generations THEN 'complete'
         WHEN reason IS NOT NULL THEN 'failed' ELSE 'partial' END AS status,
    m.generations, least(done, m.generations) AS done,
    CASE WHEN done < m.generations THEN reason END AS reason, axes
FROM members AS m JOIN progress USING (cell);
