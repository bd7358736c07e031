// What a pin says about one TensorFlow: which bytes it is, and where they came from. Types only.

/** The architectures whose official wheels carry TensorFlow's C API, as the kernel and the wheels name them. */
export type RuntimeArch = 'x86_64' | 'aarch64';

/** One file of a slot. */
export interface SlotFile {
  /** Its name inside the slot. */
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** One file that is taken out of a wheel. */
export interface PinnedFile extends SlotFile {
  /** Its name inside the wheel. */
  readonly entry: string;
}

/** One official wheel: what pip is asked for, and what must come out. */
export interface RuntimePin {
  readonly origin?: undefined;
  readonly version: string;
  readonly arch: RuntimeArch;
  /** `tensorflow-cpu` on x86_64; on aarch64 the official wheel without CUDA is `tensorflow`. */
  readonly package: string;
  /** Fixed, whatever Python the user has: the libraries are the same, and one tag means one hash. */
  readonly pythonTag: string;
  readonly platformTags: readonly string[];
  readonly wheel: string;
  readonly wheelBytes: number;
  readonly wheelSha256: string;
  readonly files: readonly PinnedFile[];
  /** Only in a file of pins: its publisher has withdrawn it, why, and why it was pinned all the same. */
  readonly yanked?: { readonly reason: string; readonly allowed: string } | undefined;
}

/** Who has built libraries, as an attestation said that was checked when they were imported. */
export interface Builder {
  /** The `builder.id` of the SLSA provenance. Printable. */
  readonly id: string;
  /** SHA-256 of the public key (SubjectPublicKeyInfo, DER) that signed it, hex. */
  readonly keyId: string;
  /** SHA-256 of the bundle that said it, hex. */
  readonly attestation: string;
}

/** Libraries that somebody built from source; only in a file of pins, written by `airlock runtime import`. */
export interface BuiltPin {
  readonly origin: 'built';
  readonly version: string;
  readonly arch: RuntimeArch;
  /** At least one; their keys are different from each other. */
  readonly builders: readonly Builder[];
  readonly files: readonly SlotFile[];
}

export type SlotPin = RuntimePin | BuiltPin;
