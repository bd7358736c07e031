// Which files a process needs at all: Node, the C library, two devices, and this package's own code as far as a worker may reach it.
// Found by looking at what this server itself has loaded and where its code lies, without ldd and without native code. What is not
// listed here does not exist for a jailed process.
import { existsSync, lstatSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { packageFolder } from '../core/index.ts';
import type { PathRule } from '../jail/index.ts';

/** This package's folder. */
const packageRoot = path.resolve(import.meta.dirname, '../..');

/** Folders of the build that the launcher and the worker import. */
const codeFolders = ['core', 'tensor', 'jail', 'kernel', 'native', 'launcher', 'worker'];

// The names under which TensorFlow, koffi and libvips ask for libraries; Node itself has most of them loaded. glibc 2.34 and newer keep
// the small ones as empty shells.
const libraryNames = [
  'libc.so.6',
  'libdl.so.2',
  'libgcc_s.so.1',
  'libm.so.6',
  'libpthread.so.0',
  'libresolv.so.2',
  'librt.so.1',
  'libstdc++.so.6',
];

/** Where the kernel looks for the loader of a program, by the ABI of each processor. */
const loaders = ['/lib64/ld-linux-x86-64.so.2', '/lib/ld-linux-aarch64.so.1'];

/** Files of the machine. */
export function systemFiles(): PathRule[] {
  const loaded = loadedLibraries();
  const folders = [...new Set(loaded.map((file) => path.dirname(file)))];
  const named = folders.flatMap((folder) => [
    ...libraryNames.map((name) => path.join(folder, name)).filter((file) => existsSync(file)),
    ...namesOf(folder, loaded),
  ]);
  const isLoader = (file: string): boolean => path.basename(file).startsWith('ld-');
  return [
    { path: process.execPath, access: 'execute' },
    ...loaders.filter((file) => existsSync(file)).map((file): PathRule => ({ path: file, access: 'execute' })),
    ...[...new Set([...loaded, ...named])].map((file): PathRule => ({ path: file, access: isLoader(file) ? 'execute' : 'read' })),
    ...['/etc/ld.so.cache', ...devices]
      .filter((file) => existsSync(file))
      .map((file): PathRule => ({ path: file, access: 'read' })),
  ];
}

/** Devices that a process needs: Node's OpenSSL is pointed at the first, TensorFlow's std::random_device aborts without the second. */
export const devices: readonly string[] = ['/dev/null', '/dev/urandom'];

/** Shared libraries that this very process runs with. */
function loadedLibraries(): string[] {
  const maps = readFileSync('/proc/self/maps', 'utf8').matchAll(/ (\/.*\/(?:lib|ld-)[^/\n]*\.so[^/\n]*)$/gm);
  return [...new Set([...maps].map((match) => match[1]))].filter((file) => existsSync(file));
}

/** Links like libstdc++.so.6 → libstdc++.so.6.0.30 beside a loaded library: the loader asks for a library by the link's name. */
function namesOf(folder: string, loaded: readonly string[]): string[] {
  const stems = new Set(loaded.map((file) => path.basename(file).replace(/\.so.*/, '')));
  return readdirSync(folder)
    .filter((name) => /\.so\.\d+$/.test(name) && stems.has(name.replace(/\.so.*/, '')))
    .map((name) => path.join(folder, name))
    .filter((file) => lstatSync(file).isSymbolicLink() && existsSync(file) && loaded.includes(realpathSync(file)));
}

/** This package's own code, and koffi, where Node's module resolution finds them. @throws ENVIRONMENT_LACKING without a build or koffi. */
export function packageFiles(): PathRule[] {
  const koffi = packageFolder('koffi', packageRoot);
  const native = packageFolder(`@koromix/koffi-linux-${process.arch}`, realpathSync(koffi));
  return [
    ...codeFolders.map((folder): PathRule => ({ path: path.join(packageRoot, 'dist', folder), access: 'folder' })),
    { path: path.join(packageRoot, 'package.json'), access: 'read' },
    { path: koffi, access: 'folder' },
    { path: native, access: 'folder' },
  ];
}
