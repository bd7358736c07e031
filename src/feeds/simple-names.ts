// Names of distributions and their files: which package and version a file belongs to, by its name alone (PEP 427, PEP 625, PEP 503).

/** `TensorFlow_CPU` and `tensorflow-cpu` are one package. */
export function normalName(name: string): string {
  return name.replace(/[-_.]{1,64}/g, '-').toLowerCase();
}

/** A file's package (normalised) and version as written; undefined for what is neither a wheel nor a source archive. */
export function distributionOf(file: string): { readonly name: string; readonly version: string } | undefined {
  if (file.endsWith('.whl')) {
    const parts = file.slice(0, -4).split('-');
    return parts.length === 5 || parts.length === 6 ? { name: normalName(parts[0]), version: parts[1] } : undefined;
  }
  const stem = file.endsWith('.tar.gz') ? file.slice(0, -7) : file.endsWith('.zip') ? file.slice(0, -4) : undefined;
  const cut = stem?.lastIndexOf('-') ?? -1;
  if (stem === undefined || cut < 1) return undefined;
  return { name: normalName(stem.slice(0, cut)), version: stem.slice(cut + 1) };
}
