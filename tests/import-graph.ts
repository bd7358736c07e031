// Reads which file of src imports which, and the rules that this graph must obey. The rules are plain functions over a graph, so
// that architecture.test.ts can show on made-up graphs that each of them does fail.
// Type-only imports count too: a folder that knows another's types depends on it.
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix, relative } from 'node:path';

export interface SourceFile {
  /** Relative to src, with `/`: `tensor/index.ts`. */
  readonly name: string;
  readonly text: string;
}

/** Per file, what it imports: files relative to src, packages and Node's modules by their names. */
export type ImportGraph = ReadonlyMap<string, readonly string[]>;

/** From the bottom up: a folder may import those before it. `index.ts` stands for the library's own file. */
export const layers: readonly string[] = [
  'core',
  'config',
  'tensor',
  'model',
  'cost',
  'profile',
  'advisories',
  'scan',
  'audit',
  'provenance',
  'contract',
  'telemetry',
  'feeds',
  'runtime',
  'posture',
  'recording',
  'jail',
  'kernel',
  'native',
  'launcher',
  'sandbox',
  'decoder',
  'scanner',
  'worker',
  'serving',
  'gateway',
  'rehearsal',
  'derive',
  'harden',
  'signing',
  'supply-chain',
  'cli',
  'index.ts',
];

/** Modules that may do harm, and the only places that may import them. */
export const guardedModules: ReadonlyMap<string, readonly string[]> = new Map([
  ['koffi', ['kernel/', 'native/']],
  ['child_process', ['sandbox/', 'runtime/pip.ts', 'signing/signer-command.ts', 'cli/npm-audit.ts']],
  ['cluster', []],
  ['fastify', ['gateway/']],
  ['sharp', ['decoder/']],
  ['hyparquet', ['derive/']],
  ['hyparquet-compressors', ['derive/']],
  ['csv-parse', ['derive/']],
  ['worker_threads', ['provenance/', 'scan/']],
  ['h5wasm', []],
  ['@sigstore/verify', ['provenance/']],
  ['@sigstore/bundle', ['provenance/']],
  ['@sigstore/core', ['provenance/']],
  ['@sigstore/protobuf-specs', ['provenance/']],
  ['@cyclonedx/cyclonedx-library', ['signing/']],
  ['undici', ['feeds/']],
  ['age-encryption', ['recording/']],
  ['@opentelemetry/api', ['telemetry/']],
  ['@opentelemetry/sdk-trace', ['telemetry/']],
  ['@opentelemetry/resources', ['telemetry/']],
  ['@opentelemetry/exporter-trace-otlp-http', ['telemetry/']],
]);

const workerFolders: ReadonlySet<string> = new Set(['core', 'tensor', 'jail', 'kernel', 'native', 'worker']);
const decoderFolders: ReadonlySet<string> = new Set(['core', 'tensor', 'jail', 'kernel', 'decoder']);
const scanFolders: ReadonlySet<string> = new Set(['core', 'tensor', 'model', 'cost', 'advisories', 'scan']);
const serverFolders: ReadonlySet<string> = new Set(['serving', 'gateway', 'cli', 'index.ts']);

const servingPlaces: readonly string[] = ['serving/', 'gateway/', 'worker/', 'launcher/', 'decoder/', 'index.ts'];
/** Names of node:crypto that sign or take private keys; all of node:crypto under one name could be any of them. */
const signingNames: readonly RegExp[] = [
  /\b(?:createPrivateKey|createSign|generateKeyPair(?:Sync)?|privateEncrypt|subtle)\b/,
  /\bimport\s*\{[^}]*\bsign\b[^}]*\}\s*from\s*['"](?:node:)?crypto['"]/,
  /\bimport\s*(?:\*|\w)[^;{]*\bfrom\s*['"](?:node:)?crypto['"]/,
];

const staticImport = /(?:^|;)\s*(?:import|export)\b(?:[^'";]*?\bfrom)?\s*['"]([^'"]+)['"]/gm;
const dynamicImport = /\b(?:import|require)\s*\(\s*(?:(['"])([^'"]+)\1\s*\))?/g;
const backDoor = /\b(?:createRequire|getBuiltinModule|process\.dlopen|process\.binding)\b/;

/** Every TypeScript file under `folder` that is part of the product. */
export function readSources(folder: string): SourceFile[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.name.endsWith('.test.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ name: relative(folder, path).replaceAll('\\', '/'), text: readFileSync(path, 'utf8') }));
}

/** The graph of some files. An import whose target cannot be read from the text appears as `unknown`. */
export function importGraph(files: readonly SourceFile[]): ImportGraph {
  return new Map(
    files.map(({ name, text }) => {
      const code = withoutComments(text);
      const found = [...code.matchAll(staticImport)].map((match) => match[1]);
      for (const match of code.matchAll(dynamicImport)) found.push(match[2] ?? 'unknown');
      if (backDoor.test(code)) found.push('unknown');
      return [name, found.map((target) => (target.startsWith('.') ? posix.join(posix.dirname(name), target) : target))];
    }),
  );
}

/** Comments only: a `//` inside a string (as in a URL) is kept, because the quote before it is matched first. */
function withoutComments(text: string): string {
  const token = /'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g;
  return text.replace(token, (part) => (part.startsWith('/') ? ' ' : part));
}

/** The folder of a file; the file itself for one directly in src; undefined for a package. */
function folderOf(target: string, graph: ImportGraph): string | undefined {
  if (!graph.has(target)) return undefined;
  return target.includes('/') ? target.slice(0, target.indexOf('/')) : target;
}

function edges(graph: ImportGraph): [string, string][] {
  return [...graph].flatMap(([from, targets]) => targets.map((to): [string, string] => [from, to]));
}

/** Imports that cannot be followed: computed ones, back doors to the loader, and relative ones to a file that is not there. */
export function unreadableImports(graph: ImportGraph): string[] {
  return edges(graph)
    .filter(([, to]) => to === 'unknown' || (/\.[cm]?[jt]sx?$/.test(to) && !graph.has(to)))
    .map(([from, to]) => `${from} imports ${to}`);
}

/** Folders that are no layer, and arrows that point up. */
export function upwardImports(graph: ImportGraph): string[] {
  const rank = (folder: string | undefined) => layers.indexOf(folder ?? '');
  const strangers = [...graph.keys()]
    .filter((file) => rank(folderOf(file, graph)) === -1)
    .map((file) => `${file} is in no layer`);
  const upward = edges(graph)
    .filter(([from, to]) => graph.has(to) && rank(folderOf(to, graph)) > rank(folderOf(from, graph)))
    .map(([from, to]) => `${from} imports ${to}`);
  return [...strangers, ...upward];
}

/** Imports into another folder that do not go through its index.ts. */
export function sideDoorImports(graph: ImportGraph): string[] {
  return edges(graph)
    .filter(([from, to]) => graph.has(to) && folderOf(to, graph) !== folderOf(from, graph) && posix.basename(to) !== 'index.ts')
    .map(([from, to]) => `${from} imports ${to}`);
}

/** Guarded modules that are imported where they may not be. */
export function guardedImports(graph: ImportGraph): string[] {
  return edges(graph)
    .filter(([from, to]) => {
      const module = to.replace(/^node:/, '').replace(/^((?:@[^/]+\/)?[^@/]+)\/.*$/, '$1');
      const places = guardedModules.get(module);
      return places !== undefined && !places.some((place) => (place.endsWith('/') ? from.startsWith(place) : from === place));
    })
    .map(([from, to]) => `${from} imports ${to}`);
}

/** Everything that the files of some folders reach, packages included. */
export function closureOf(graph: ImportGraph, folders: ReadonlySet<string>): Set<string> {
  return reachedFrom(
    graph,
    [...graph.keys()].filter((file) => folders.has(folderOf(file, graph) ?? '')),
  );
}

/** Everything that some files reach, themselves and packages included. */
function reachedFrom(graph: ImportGraph, files: readonly string[]): Set<string> {
  const reached = new Set<string>();
  const waiting = [...files];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (reached.has(file)) continue;
    reached.add(file);
    waiting.push(...(graph.get(file) ?? []));
  }
  return reached;
}

/** What the worker reaches beyond core, tensor, jail, kernel, native and itself: each file of it meets a model that nobody trusts. */
export function workerExcess(graph: ImportGraph): string[] {
  const reached = closureOf(graph, new Set(['worker']));
  return [...reached].filter((file) => graph.has(file) && !workerFolders.has(folderOf(file, graph) ?? ''));
}

/** What the decoder of images reaches beyond core, tensor, jail, kernel and itself, and packages other than those that it is for. */
export function decoderExcess(graph: ImportGraph): string[] {
  const isPackage = (target: string): boolean => !graph.has(target) && !target.startsWith('node:');
  return [...closureOf(graph, new Set(['decoder']))].filter((target) =>
    isPackage(target)
      ? target !== 'sharp' && target !== 'koffi'
      : graph.has(target) && !decoderFolders.has(folderOf(target, graph) ?? ''),
  );
}

/** What reads hostile models, beyond what it may reach: it must stay free of native code, and nobody else may import it. */
export function scanExcess(graph: ImportGraph): string[] {
  const reader = [...closureOf(graph, new Set(['scan']))].filter(
    (file) => graph.has(file) && !scanFolders.has(folderOf(file, graph) ?? ''),
  );
  const strangers = edges(graph)
    .filter(([from, to]) => to.startsWith('scan/engine/') && !from.startsWith('scan/') && from !== 'scanner/main.ts')
    .map(([from, to]) => `${from} imports ${to}`);
  return [...reader, ...strangers];
}

/** Native code that the server's own process would load: hostile bytes must meet memory-safe code only. */
export function serverNativeCode(graph: ImportGraph): string[] {
  return [...closureOf(graph, serverFolders)].filter(
    (file) => file === 'koffi' || file === 'sharp' || ['koffi/', 'kernel/', 'native/'].some((place) => file.startsWith(place)),
  );
}

/**
 * Signing in what serves: files of signing that a server's process reaches through the gateway, the library, its workers or the command that
 * starts it, and files among all that it reaches that name what makes signatures or holds private keys.
 */
export function serverSigning(files: readonly SourceFile[]): string[] {
  const graph = importGraph(files);
  const isStart = (file: string): boolean =>
    file === 'cli/commands/serve.ts' || ['provenance/', ...servingPlaces].some((place) => file.startsWith(place));
  const reached = reachedFrom(
    graph,
    [...graph.keys()].filter((file) => isStart(file)),
  );
  const imported = [...reached].filter((file) => file.startsWith('signing/'));
  const texts = new Map(files.map(({ name, text }) => [name, text]));
  const named = [...reached].filter((file) => signingNames.some((name) => name.test(withoutComments(texts.get(file) ?? ''))));
  return [...new Set([...imported, ...named])];
}

/** Classes that extend an error; there is one in the tree. */
export function errorClasses(files: readonly SourceFile[]): string[] {
  return files.flatMap(({ name, text }) =>
    [...withoutComments(text).matchAll(/\bextends\s+(?:\w+\.)*\w*(?:Error|Exception)\b/g)].map(() => name),
  );
}
