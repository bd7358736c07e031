// What the server needs to start a decoder: its entry, the options of Node, and the files that the process may read besides what every
// process may. Found by where packages lie; nothing of them is loaded here.
import { realpathSync } from 'node:fs';
import path from 'node:path';
import { builtFile, packageFolder } from '../core/index.ts';

/** The file that Node runs as the decoder. */
export const decoderEntry: string = builtFile(import.meta.url, 'main.js');

/** Node interprets only, so that the process can give up executable memory; pixels lie outside of JavaScript's heap. */
export const decoderExecArgv: readonly string[] = ['--max-old-space-size=128', '--jitless'];

/** sharp, its native part with libvips, and the packages that it imports. */
const packages = [
  'sharp',
  `@img/sharp-linux-${process.arch}`,
  `@img/sharp-libvips-linux-${process.arch}`,
  '@img/colour',
  'detect-libc',
  'semver',
];

/** Files and folders that the decoder reads while it loads. @throws ENVIRONMENT_LACKING when sharp is not installed. */
export function decoderFiles(): string[] {
  const folder = path.dirname(decoderEntry);
  const sharp = realpathSync(packageFolder('sharp', folder));
  return [folder, ...packages.map((name) => packageFolder(name, sharp))];
}
