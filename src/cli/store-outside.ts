// Whether a store may say anything about a model: one that lies inside of what is scanned came with it, and says of it what suits it.
import { realpathSync } from 'node:fs';
import { isAbsolute, relative, resolve, sep } from 'node:path';

/** The store as an option, unless it lies in `path`: as both are written, or where links lead. */
export function storeOutside(path: string, store: string): { readonly store?: string } {
  const isInside = [resolve, realOf].some((placeOf) => {
    const way = relative(placeOf(path), placeOf(store));
    return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
  });
  return isInside ? {} : { store };
}

/** The path as it is where nothing lies there. */
function realOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return resolve(path);
  }
}
