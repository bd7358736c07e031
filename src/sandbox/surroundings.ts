// What stands around the server itself. For an operator's eyes only: nothing is decided by it, because each sign can be missing or forged.
import { existsSync, readFileSync } from 'node:fs';

/** `gVisor`, `container`, `Kubernetes`, as far as they show; empty on a plain machine. */
export function findSurroundings(): readonly string[] {
  const found: string[] = [];
  // Older builds of gVisor give no name, and all of them this one date.
  const kernel = readOrEmpty('/proc/version') + readOrEmpty('/proc/sys/kernel/osrelease');
  if (existsSync('/proc/gvisor') || /gvisor|Sun Jan 10 15:06:54 PST 2016/.test(kernel)) found.push('gVisor');
  if (existsSync('/.dockerenv') || existsSync('/run/.containerenv')) found.push('container');
  if (process.env.KUBERNETES_SERVICE_HOST !== undefined || existsSync('/var/run/secrets/kubernetes.io')) found.push('Kubernetes');
  return found;
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}
