// Loader hooks of one process of in-process-runner.js: TypeScript without its types, this folder's vitest and fast-check in place of the
// real ones, and every file anew for each generation, since a process cannot forget a module.
import fs from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { transformWithOxc } from 'vite';

const replaced = new Map([
  ['vitest', new URL('tests-of-file.js', import.meta.url).href],
  ['fast-check', new URL('few-runs.js', import.meta.url).href],
]);

/** @type {import('node:module').ResolveHook} */
export async function resolve(specifier, context, next) {
  const replacement = replaced.get(specifier);
  if (replacement !== undefined) return { url: replacement, shortCircuit: true };
  const resolved = await next(specifier, context);
  const generation = context.parentURL === undefined ? null : new URL(context.parentURL).searchParams.get('generation');
  if (generation === null || !resolved.url.startsWith('file:') || resolved.url.includes('/node_modules/')) return resolved;
  return { ...resolved, url: `${resolved.url.split('?')[0]}?generation=${generation}` };
}

/** @type {import('node:module').LoadHook} */
export async function load(url, context, next) {
  const [href] = url.split('?');
  if (!href.endsWith('.ts')) return next(url, context);
  const file = fileURLToPath(href);
  const { code } = await transformWithOxc(await fs.readFile(file, 'utf8'), file, { sourcemap: false });
  return { format: 'module', source: code, shortCircuit: true };
}
