// What one JSON body may cost. Every limit is enforced while the bytes arrive, before anything is allocated for what follows.

export interface JsonLimits {
  /** Bytes of the body, after gzip. */
  readonly maxBodyBytes: number;
  /** Open brackets at one time. TensorFlow Serving has no such limit and overflows its stack (CVE-2025-0649, serving#4116). */
  readonly maxDepth: number;
  /** Keys, scalars and containers. */
  readonly maxTokens: number;
  /** Elements of all tensors together. */
  readonly maxElements: number;
  /** Characters of one number, and of one key. */
  readonly maxNumberChars: number;
}

/** Defaults: 32 MiB, 32 levels, 8 million tokens, 4 million elements (a batch of 26 images of 224×224×3), 256 characters. */
export const defaultJsonLimits: JsonLimits = {
  maxBodyBytes: 32 * 1024 * 1024,
  maxDepth: 32,
  maxTokens: 8_000_000,
  maxElements: 4_000_000,
  maxNumberChars: 256,
};
