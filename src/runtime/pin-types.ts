// What the pin table says about one official wheel. Types only.

/** The architectures whose official wheels carry TensorFlow's C API, as the kernel and the wheels name them. */
export type RuntimeArch = 'x86_64' | 'aarch64';

/** One file that is taken out of a wheel. */
export interface PinnedFile {
  /** Its name inside the wheel. */
  readonly entry: string;
  /** Its name inside the slot. */
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** One official wheel: what pip is asked for, and what must come out. */
export interface RuntimePin {
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
}
