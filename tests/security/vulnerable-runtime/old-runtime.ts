// TensorFlow 2.9.1, with all its published vulnerabilities, for the tests of this folder alone. It is a kind of slot that the product does not know: the pin is here,
// its library is not one of those that Airlock loads, it lies in a store of its own, and no configuration can name it. Never import this outside of tests.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { isAirlockError } from '../../../src/core/index.ts';
import type { RuntimePin, RuntimeSlot } from '../../../src/runtime/index.ts';
import { installPin } from '../../../src/runtime/install-runtime.ts';
import { verifySlotAgainst } from '../../../src/runtime/verify-slot.ts';

const root = path.resolve(import.meta.dirname, '../../..');

/** SHA-256 of the wheel as two sources had it on 2026-11-30: the index's own list, and the bytes that came. */
export const oldPin: RuntimePin = {
  version: '2.9.1',
  arch: 'x86_64',
  package: 'tensorflow-cpu',
  pythonTag: 'cp310',
  platformTags: ['manylinux_2_17_x86_64', 'manylinux2014_x86_64'],
  wheel: 'tensorflow_cpu-2.9.1-cp310-cp310-manylinux_2_17_x86_64.manylinux2014_x86_64.whl',
  wheelBytes: 207_453_921,
  wheelSha256: '6666ddeae45e1f41da788cb4bdea3435aba16edb0bc17b7ac00631c7c9eb052e',
  files: [
    {
      entry: 'tensorflow_cpu-2.9.1.dist-info/LICENSE',
      name: 'LICENSE',
      bytes: 13_575,
      sha256: '71c6915d04265772a0339bed47276942c678b45cc01534210ebe6984fd1aec65',
    },
    {
      // Before 2.12 the C API is in the library of the Python module.
      entry: 'tensorflow/python/_pywrap_tensorflow_internal.so',
      name: '_pywrap_tensorflow_internal.so',
      bytes: 467_059_352,
      sha256: 'd6242a2e61577b51eeaf6e08939398c601e01d716f6c2e0506ee72843742c40f',
    },
    {
      entry: 'tensorflow/libtensorflow_framework.so.2',
      name: 'libtensorflow_framework.so.2',
      bytes: 40_180_768,
      sha256: '7a5c2c368ce9996e81f56f96ef292ba3ea6d6955413f2a801df06d634bb2932c',
    },
  ],
};

export interface OldRuntime {
  /** A store with this slot and nothing else. */
  readonly store: string;
  readonly slot: RuntimeSlot;
  /**
   * What a worker loads, in this order: a libpython in the place of the framework library, then the library with the C API, which finds its
   * framework library in its own folder.
   */
  readonly libraries: { readonly frameworkPath: string; readonly ccPath: string };
  /** Every file that a jailed worker must be able to read for that. */
  readonly readable: readonly string[];
}

const loads = `
  import { loadTensorFlow } from ${JSON.stringify(pathToFileURL(path.join(root, 'dist/native/index.js')).href)};
  process.stdout.write(loadTensorFlow(JSON.parse(process.argv[1])).version);`;

/** Whether a process with these libraries is a TensorFlow 2.9.1; a libpython of another version lacks symbols that this one needs. */
function isUsable(libraries: OldRuntime['libraries']): boolean {
  const args = ['--input-type=module', '-e', loads, JSON.stringify(libraries)];
  const { stdout } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 60_000, cwd: root });
  return stdout === oldPin.version;
}

function output(program: string, args: readonly string[]): string {
  const { stdout } = spawnSync(program, [...args], { encoding: 'utf8', timeout: 20_000, cwd: '/' });
  return stdout ?? '';
}

/** The machine's libpythons that may fit: those of the dynamic linker, then that of `python3` and its older namesakes. */
function libpythons(): string[] {
  const linked = output('ldconfig', ['-p']).matchAll(/=> (\/\S+\/libpython3\.(?:8|9|10|11)\.so\.1\.0)$/gm);
  const asks = 'import sysconfig; v = sysconfig.get_config_var; print(v("LIBDIR"), v("INSTSONAME"), sep="/")';
  const own = ['python3.10', 'python3.9', 'python3.11', 'python3'].map((python) => output(python, ['-c', asks]).trim());
  const named = own.filter((file) => /\/libpython3\.\d+\.so/.test(file));
  return [...new Set([...[...linked].map((match) => match[1]), ...named])].filter((file) => existsSync(file));
}

/** The libraries that a library needs and the loader finds, by the paths under which it looks for them. */
const dependencies = (library: string): string[] =>
  [...output('ldd', [library]).matchAll(/=> (\/\S+) \(0x/g)].map((match) => match[1]);

/** Installs it once (210 MB) into a cache outside of the checkout. Gives the reason, for the title of a test, when that cannot be. */
export async function oldRuntime(): Promise<OldRuntime | string> {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    return 'skipped: TensorFlow 2.9.1 has an official CPU wheel for Linux on x86_64 only';
  if (!existsSync(path.join(root, 'dist/native/index.js'))) return 'skipped: not built, run `npm run build`';
  const cache = process.env.AIRLOCK_TEST_STORE ?? path.join(tmpdir(), `airlock-test-store-${process.getuid?.() ?? 0}`);
  const store = path.join(cache, 'vulnerable');
  try {
    mkdirSync(store, { recursive: true, mode: 0o700 });
    const slot = await installPin(oldPin, { store, repair: true });
    await verifySlotAgainst(slot, oldPin);
    const ccPath = path.join(slot.directory, '_pywrap_tensorflow_internal.so');
    const frameworkPath = libpythons().find((file) => isUsable({ frameworkPath: file, ccPath }));
    if (frameworkPath === undefined) return 'skipped without a libpython from 3.8 to 3.11, which TensorFlow 2.9.1 needs';
    const framework = path.join(slot.directory, 'libtensorflow_framework.so.2');
    const readable = [...new Set([...dependencies(frameworkPath), frameworkPath, framework, ccPath])];
    return { store, slot, libraries: { frameworkPath, ccPath }, readable };
  } catch (thrown) {
    const { code, detail = '' } = isAirlockError(thrown) ? thrown : { code: String(thrown) };
    process.stderr.write(`TensorFlow 2.9.1 cannot be installed for tests: ${code} ${detail}\n`);
    return 'skipped without a package index to install TensorFlow 2.9.1 from';
  }
}
