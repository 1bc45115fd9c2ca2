-- The store of recurse. One process writes it; everyone else reads snapshots of it.
-- The views (v_*) are the public interface; tables may change with the schema version.
-- A cell is one arm with one seed; its id is a hash of what determines its numbers. Generation 0 is
-- fitted on real data only. Rows of results are only ever added.

-- schema_version: which numbered step of the schema this file has reached, and when.
CREATE TABLE schema_version (version INTEGER, written TIMESTAMP);

-- runs: one row per `recurse run`: what was asked, with what, on what. status: running | complete |
-- failed | ... as the run said at its end; killed if it never said (found by the next writer).
CREATE TABLE runs (
    run VARCHAR, started TIMESTAMP, finished TIMESTAMP, status VARCHAR, command VARCHAR,
    scenario VARCHAR, spec JSON, plan JSON, digest VARCHAR, versions JSON, machine JSON, git JSON
);

-- scenarios: the latest resolved form of each scenario; digest is a hash of spec.
CREATE TABLE scenarios (
    scenario VARCHAR, title VARCHAR, cite VARCHAR, question VARCHAR, spec JSON, digest VARCHAR,
    run VARCHAR
);

-- cells: what determines the numbers of a cell, as canonical JSON (cell is its hash), and the run
-- that first named it.
CREATE TABLE cells (cell VARCHAR, identity JSON, created VARCHAR);

-- members: which cells make up a scenario, as of its latest run. A cell may belong to several
-- scenarios. axes: the matrix values in the arm's label; generations: how many this scenario wants;
-- place: the position in the plan.
CREATE TABLE members (
    scenario VARCHAR, arm VARCHAR, axes JSON, policy VARCHAR, backend VARCHAR, seed BIGINT,
    cell VARCHAR, block VARCHAR, generations INTEGER, place INTEGER
);

-- generations: one row per committed generation of a cell. sha: 64 bits of sha256 over its
-- generation, metric names and values; numerics: see there; seconds are those of its whole block.
CREATE TABLE generations (
    cell VARCHAR, generation INTEGER, run VARCHAR, block VARCHAR, sha UBIGINT, numerics VARCHAR,
    seconds DOUBLE, compile_seconds DOUBLE
);

-- metrics: what was measured; a metric that was not measured has no row.
CREATE TABLE metrics (cell VARCHAR, generation INTEGER, metric VARCHAR, value DOUBLE);

-- failures: a generation that was tried and gave no result (such as a loss that is not finite).
-- Step 3 adds the block, and makes the views progress and v_cells.
CREATE TABLE failures (cell VARCHAR, generation INTEGER, reason VARCHAR, run VARCHAR);

-- numerics: the classes within which equal bits are promised: backend, versions, device, threads,
-- dtype, batch width. id is a hash of detail.
CREATE TABLE numerics (id VARCHAR, detail JSON);

-- theory: curves to draw beside the measured ones. kind: exact | bound | asymptotic.
CREATE TABLE theory (
    scenario VARCHAR, arm VARCHAR, policy VARCHAR, generation INTEGER, metric VARCHAR, kind VARCHAR,
    name VARCHAR, value DOUBLE, cite VARCHAR
);

-- schedule: what each generation was trained on: `take` samples, each of weight `weight`, from every
-- pool of that kind (real | fresh | synthetic) born in generations born..until; `budget` (may be
-- NULL) samples are drawn from their union, with or without replacement.
CREATE TABLE schedule (
    scenario VARCHAR, arm VARCHAR, generation INTEGER, pool VARCHAR, born INTEGER, until INTEGER,
    take BIGINT, weight DOUBLE, budget BIGINT, replacement BOOLEAN
);

-- notes: remarks of the planner and the theory, such as a law that was left out and why.
CREATE TABLE notes (scenario VARCHAR, arm VARCHAR, about VARCHAR, note VARCHAR);

-- claims: the scenario's claims as last checked; holds is NULL where the results cannot tell.
CREATE TABLE claims (
    scenario VARCHAR, claim VARCHAR, kind VARCHAR, arm VARCHAR, holds BOOLEAN, statement VARCHAR,
    evidence VARCHAR
);

-- artifacts: small files that belong to a generation of a cell, such as pictures of its samples.
CREATE TABLE artifacts (
    cell VARCHAR, generation INTEGER, name VARCHAR, media_type VARCHAR, bytes BLOB
);

-- v_metrics: every measured value, by scenario. Generations beyond those the scenario wants are not
-- shown here.
CREATE VIEW v_metrics AS
SELECT scenario, arm, policy, backend, seed, x.generation, metric, value
FROM members AS m JOIN metrics AS x ON m.cell = x.cell AND x.generation <= m.generations;

-- v_summary: over the seeds of an arm: n of them, mean, its standard error, quantiles. se is NULL
-- for one seed or where a value is not finite. Sums run in the order of the seeds, so that equal
-- stores give equal bits.
CREATE VIEW v_summary AS
SELECT scenario, arm, policy, backend, generation, metric, count(value) AS n,
    avg(value ORDER BY seed) AS mean,
    CASE WHEN bool_and(abs(value) < 1e150) AND count(value) > 1 THEN
        stddev_samp(value ORDER BY seed) FILTER (WHERE abs(value) < 1e150) / sqrt(count(value))
    END AS se,
    median(value) AS median, quantile_cont(value, 0.05) AS q05, quantile_cont(value, 0.95) AS q95
FROM v_metrics
GROUP BY scenario, arm, policy, backend, generation, metric;

-- v_theory: theoretical curves. kind: exact | bound | asymptotic; cite says whose.
CREATE VIEW v_theory AS
SELECT scenario, arm, policy, generation, metric, kind, value, cite FROM theory;

-- v_claims: the claims as last checked, with the evidence in words.
CREATE VIEW v_claims AS
SELECT scenario, claim, arm, holds, evidence FROM claims;
