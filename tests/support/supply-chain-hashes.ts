// Digests for made-up projects: the right length, and of nothing.

/** `--hash` of pip. */
export const hash = `--hash=sha256:${'ab'.repeat(32)}`;
export const sha256 = 'cd'.repeat(32);
export const commit = '0123456789abcdef0123456789abcdef01234567';
