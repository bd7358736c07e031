// What a package index says about the files of one package, whichever of its two forms it answered in. Types only.

/** One file of a package that an index offers. Everything in it is the index's claim, and only `sha256` can be checked. */
export interface IndexFile {
  /** As it is downloaded: `tensorflow_cpu-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl`. Letters, digits, `.`, `_`, `+`, `!` and `-` only. */
  readonly name: string;
  /** https, or http on a loopback address; without user and password. */
  readonly url: string;
  /** Lowercase hex. */
  readonly sha256: string;
  readonly bytes?: number;
  /** When it was uploaded, RFC 3339 (PEP 700). */
  readonly published?: string;
  /** Withdrawn by its publisher: why, or true where it does not say (PEP 592). Printable. */
  readonly yanked?: string | true;
  /** Where its attestations lie (PEP 740). */
  readonly provenance?: string;
}

/** All files of one version. */
export interface IndexRelease {
  readonly version: string;
  /** The day of its first file, `YYYY-MM-DD`, UTC. */
  readonly published?: string;
  /** Set when every file of it is withdrawn. */
  readonly yanked?: string | true;
  readonly files: readonly IndexFile[];
}

/** Of one page; tensorflow's has 574,933 bytes and 1,100 files. */
export const maxPageBytes = 16 * 1024 * 1024;
export const maxIndexFiles = 50_000;
