// Whether this process may run a file, as the kernel says: by its mode, and by how the file system it lies on is mounted (noexec).
import { accessSync, constants } from 'node:fs';

/** False also when there is no such file. */
export function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
