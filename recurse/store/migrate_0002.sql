-- probes: what one program cost when `recurse probe` measured it: an arm (a hash of it, whatever its
-- seeds and generations) with `width` replicates; setting: versions and machine class; seconds are
-- those of one replicate and generation, compile_seconds those of the program; bytes: how much the
-- process grew by.
CREATE TABLE probes (
    arm VARCHAR, setting JSON, width INTEGER, seconds DOUBLE, compile_seconds DOUBLE, bytes BIGINT,
    label VARCHAR, backend VARCHAR, measured TIMESTAMP
);
