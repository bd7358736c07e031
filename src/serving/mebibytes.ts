// Bytes as configurations and logs count them.

export const mebibyte = 1024 * 1024;

export function bytesOfMiB(mib: number): number {
  return mib * mebibyte;
}

/** Whole ones, for a log. */
export function mebibytes(bytes: number): number {
  return Math.round(bytes / mebibyte);
}
