// LZF, which h5py brings along as a filter of its own (liblzf by Marc Lehmann; filter 32000).

/** Unpacks to exactly `size` bytes, or gives undefined. */
export function unpackLzf(packed: Buffer, size: number): Buffer | undefined {
  const plain = Buffer.alloc(size);
  let from = 0;
  let to = 0;
  while (from < packed.length) {
    const control = packed[from++];
    if (control < 32) {
      const count = control + 1;
      if (from + count > packed.length || to + count > size) return undefined;
      packed.copy(plain, to, from, from + count);
      from += count;
      to += count;
      continue;
    }
    let count = control >> 5;
    if (count === 7) count += packed[from++] ?? 0;
    count += 2;
    let back = to - ((control & 31) << 8) - 1 - (packed[from++] ?? 0);
    if (from > packed.length || back < 0 || to + count > size) return undefined;
    // It may overlap what it writes.
    for (let index = 0; index < count; index++) plain[to++] = plain[back++];
  }
  return to === size ? plain : undefined;
}
