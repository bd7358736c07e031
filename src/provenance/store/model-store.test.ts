import type { StatsFs } from 'node:fs';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Contents, manifestOf, savedModel, temporaryFolder, writeContents } from '../../../tests/support/model-folder.ts';
import { readModelContent } from '../../model/index.ts';
import { openModelStore } from './model-store.ts';
import type { StoreFolderOptions, StoreStep } from './store-folder.ts';

const disk = vi.hoisted(() => ({ freeBlocks: undefined as number | undefined, failLstat: '' }));
vi.mock('node:fs/promises', async (importOriginal) => {
  const original = await importOriginal<typeof import('node:fs/promises')>();
  return {
    ...original,
    statfs: async (place: string): Promise<StatsFs> => {
      const stats = await original.statfs(place);
      return disk.freeBlocks === undefined ? stats : { ...stats, bavail: disk.freeBlocks };
    },
    lstat: (place: string, options: { bigint: true }) =>
      disk.failLstat !== '' && place.endsWith(disk.failLstat)
        ? Promise.reject(Object.assign(new Error('EIO'), { code: 'EIO' }))
        : original.lstat(place, options),
  };
});

let temporary = temporaryFolder();
let model = '';
let folder = '';
beforeEach(() => {
  temporary = temporaryFolder();
  model = join(temporary.path, 'source');
  folder = join(temporary.path, 'store', 'models');
  writeContents(model, savedModel);
});
afterEach(() => {
  disk.freeBlocks = undefined;
  disk.failLstat = '';
  temporary.remove();
});

const manifest = manifestOf(savedModel, ['.git']);
const openStore = (options: StoreFolderOptions = {}) => openModelStore(folder, options);
const refusal = (code: string, text = '') => expect.objectContaining({ code, message: expect.stringContaining(text) });

function contentsOf(place: string): Record<string, string> {
  const names = readdirSync(place, { recursive: true, encoding: 'utf8' }).filter((name) => statSync(join(place, name)).isFile());
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(place, name), 'latin1')]));
}

const asTexts = (contents: Contents) => {
  return Object.fromEntries(Object.entries(contents).map(([name, content]) => [name, Buffer.from(content).toString('latin1')]));
};

/** Names in the store besides its leases. */
const entries = (): string[] => readdirSync(folder).filter((name) => name !== 'leases');
const leases = (): string[] => (existsSync(join(folder, 'leases')) ? readdirSync(join(folder, 'leases')) : []);

describe('stage', () => {
  it('copies what the manifest names, and nothing else', async () => {
    writeContents(model, { '.git/hook': 'x', 'model.sig': 'x', 'model.sig.d/a': 'x' });
    const staged = await (await openStore()).stage(model, manifest);
    expect(staged.identity).toBe(manifest.identity);
    expect(staged.directory).toBe(join(folder, manifest.identity, 'model'));
    expect(contentsOf(staged.directory)).toEqual(asTexts(savedModel));
    expect(entries()).toEqual([manifest.identity]);
  });

  it('seals the copy: files that are read-only, folders that take no new names, whatever the source has', async () => {
    chmodSync(join(model, 'saved_model.pb'), 0o4777);
    const { directory } = await (await openStore()).stage(model, manifest);
    const mode = (name: string): number => statSync(join(directory, name)).mode & 0o7777;
    expect(['..', '.', 'variables', 'assets'].map(mode)).toEqual([0o500, 0o500, 0o500, 0o500]);
    expect(['saved_model.pb', 'variables/variables.index'].map(mode)).toEqual([0o400, 0o400]);
  });

  it('makes the folders that TensorFlow expects, and only of a SavedModel', async () => {
    const store = await openStore();
    writeContents(model, { 'assets.extra/x': '' });
    const { directory } = await store.stage(model, manifestOf({ ...savedModel, 'assets.extra/x': '' }));
    expect(readdirSync(directory).sort()).toEqual(['assets', 'assets.extra', 'fingerprint.pb', 'saved_model.pb', 'variables']);
    const other = join(temporary.path, 'other');
    for (const contents of [
      { 'a/b/c': 'x', 'a/d': '' },
      { 'saved_model.pb': '', assets: 'a file' },
    ]) {
      rmSync(other, { recursive: true, force: true });
      writeContents(other, contents);
      expect(contentsOf((await store.stage(other, manifestOf(contents))).directory)).toEqual(contents);
    }
  });

  it('keeps a model that is one file under one name', async () => {
    const file = join(temporary.path, 'net.keras');
    writeFileSync(file, 'weights');
    const store = await openStore();
    const { directory } = await store.stage(file, manifestOf({ '.': 'weights' }));
    expect(contentsOf(directory)).toEqual({ model: 'weights' });
    // Again, from the copy.
    await store.stage(file, manifestOf({ '.': 'weights' }));
    await expect(store.stage(file, manifestOf({ '.': 'other' }))).rejects.toEqual(refusal('MODEL_TAMPERED', '.: other content'));
  });

  it.each<[string, string, () => void]>([
    ['a changed file', 'saved_model.pb: other content', () => writeFileSync(join(model, 'saved_model.pb'), 'grapH')],
    ['a missing file', 'saved_model.pb: no such file', () => rmSync(join(model, 'saved_model.pb'))],
    ['a planted file', 'more: a file that was not signed', () => writeFileSync(join(model, 'more'), '')],
    ['a link', 'more: a symbolic link', () => symlinkSync('saved_model.pb', join(model, 'more'))],
  ])('refuses %s, and leaves nothing', async (_title, text, change) => {
    change();
    await expect((await openStore()).stage(model, manifest)).rejects.toEqual(refusal('MODEL_TAMPERED', text));
    expect([entries(), leases()]).toEqual([[], []]);
  });

  it('refuses a source that is a link, or not there', async () => {
    const store = await openStore();
    symlinkSync(model, join(temporary.path, 'link'));
    await expect(store.stage(join(temporary.path, 'link'), manifest)).rejects.toEqual(
      refusal('MODEL_INVALID', 'is a symbolic link'),
    );
    await expect(store.stage(join(temporary.path, 'nothing'), manifest)).rejects.toEqual(refusal('MODEL_NOT_FOUND'));
  });

  it('copies from the folder that it opened, whatever gets its name meanwhile', async () => {
    const evil = join(temporary.path, 'evil');
    writeContents(evil, { ...savedModel, 'saved_model.pb': 'grapH' });
    const swap = (step: StoreStep): void => {
      if (step !== 'copy') return;
      renameSync(model, `${model}.away`);
      symlinkSync(evil, model);
    };
    const { directory } = await (await openStore({ onStep: swap })).stage(model, manifest);
    expect(contentsOf(directory)).toEqual(asTexts(savedModel));
  });

  it('asks for free space before it writes', async () => {
    disk.freeBlocks = 3;
    await expect((await openStore()).stage(model, manifest)).rejects.toEqual(refusal('DISK_FULL', 'needs 68 MB of free disk'));
    expect([entries(), leases()]).toEqual([[], []]);
  });

  it('stops when it is told, and leaves nothing', async () => {
    const controller = new AbortController();
    const store = await openStore({ onStep: (step) => (step === 'copy' ? controller.abort() : undefined) });
    await expect(store.stage(model, manifest, { signal: controller.signal })).rejects.toEqual(refusal('CANCELLED'));
    await expect(store.stage(model, manifest, { signal: controller.signal })).rejects.toEqual(refusal('CANCELLED'));
    expect([entries(), leases()]).toEqual([[], []]);
  });
});

describe('stage, where there is a copy', () => {
  const stored = (name = ''): string => join(folder, manifest.identity, 'model', name);

  function unseal(): void {
    for (const part of ['..', '', 'variables', 'assets', 'saved_model.pb']) chmodSync(stored(part), 0o700);
  }

  it('uses it, and does not read the source for that', async () => {
    const store = await openStore();
    await store.stage(model, manifest);
    const { ino } = statSync(stored());
    writeFileSync(join(model, 'saved_model.pb'), 'grapH');
    const calls: number[][] = [];
    await store.stage(model, manifest, { onProgress: (...call) => void calls.push(call) });
    expect(statSync(stored()).ino).toBe(ino);
    expect(calls.at(-1)).toEqual([3010, 3010]);
  });

  it('still refuses names that were not signed', async () => {
    const store = await openStore();
    await store.stage(model, manifest);
    writeFileSync(join(model, 'more'), '');
    await expect(store.stage(model, manifest)).rejects.toEqual(refusal('MODEL_TAMPERED'));
  });

  it.each<[string, () => void]>([
    ['has a changed file', () => writeFileSync(stored('saved_model.pb'), 'grapH')],
    ['has a file too many', () => writeFileSync(stored('model.sig'), '')],
    ['lacks its model', () => rmSync(stored(), { recursive: true })],
    [
      'is a file',
      () => {
        rmSync(join(folder, manifest.identity), { recursive: true });
        writeFileSync(join(folder, manifest.identity), '');
      },
    ],
    [
      'is an empty folder',
      () => {
        rmSync(join(folder, manifest.identity), { recursive: true });
        mkdirSync(join(folder, manifest.identity));
      },
    ],
    [
      'is a link to the same content',
      () => {
        renameSync(stored(), join(temporary.path, 'away'));
        symlinkSync(join(temporary.path, 'away'), stored());
      },
    ],
  ])('replaces one that %s', async (_title, spoil) => {
    const store = await openStore();
    await store.stage(model, manifest);
    unseal();
    spoil();
    const { directory } = await store.stage(model, manifest);
    expect(contentsOf(directory)).toEqual(asTexts(savedModel));
    expect(entries()).toEqual([manifest.identity]);
  });

  it('does not replace one because of something else that went wrong', async () => {
    const store = await openStore();
    await store.stage(model, manifest);
    const controller = new AbortController();
    const steps: StoreStep[] = [];
    const stopping = await openStore({
      onStep: (step) => {
        steps.push(step);
        if (step === 'lease') controller.abort();
      },
    });
    await expect(stopping.stage(model, manifest, { signal: controller.signal })).rejects.toEqual(refusal('CANCELLED'));
    expect(steps).toEqual(['lease', 'release']);
    disk.failLstat = manifest.identity;
    await expect(store.stage(model, manifest)).rejects.toEqual(refusal('INTERNAL'));
    expect(entries()).toEqual([manifest.identity]);
  });

  it('takes that of somebody who was faster', async () => {
    const faster = await openStore();
    let raced = 0;
    await faster.stage(model, manifest);
    const kept = join(temporary.path, 'kept');
    renameSync(join(folder, manifest.identity), kept);
    const store = await openStore({
      onStep: (step) => {
        if (step === 'rename' && raced++ === 0) renameSync(kept, join(folder, manifest.identity));
      },
    });
    const { directory } = await store.stage(model, manifest);
    expect(raced).toBe(1);
    expect(contentsOf(directory)).toEqual(asTexts(savedModel));
    expect(entries()).toEqual([manifest.identity]);
  });

  it('does not believe one that is taken away while it is hashed', async () => {
    const store = await openStore();
    await store.stage(model, manifest);
    let taken = 0;
    const onProgress = (): void => {
      if (taken++ === 0) renameSync(join(folder, manifest.identity), join(temporary.path, 'taken'));
    };
    const { directory } = await store.stage(model, manifest, { onProgress });
    expect(taken).toBeGreaterThan(1);
    expect(contentsOf(directory)).toEqual(asTexts(savedModel));
  });

  it('gives up when others never stop to put bad copies there', async () => {
    let attempts = 0;
    const store = await openStore({
      onStep: (step) => {
        if (step !== 'rename') return;
        attempts++;
        writeContents(join(folder, manifest.identity), { 'model/saved_model.pb': 'evil' });
      },
    });
    await expect(store.stage(model, manifest)).rejects.toEqual(refusal('MODEL_NOT_AVAILABLE', 'Others keep replacing'));
    expect(attempts).toBe(10);
    expect(entries()).toEqual([manifest.identity]);
  });

  it('lets many stage the same at once', async () => {
    const stores = await Promise.all(Array.from({ length: 8 }, () => openStore()));
    const staged = await Promise.all(stores.map((store) => store.stage(model, manifest)));
    expect(new Set(staged.map(({ directory }) => directory)).size).toBe(1);
    expect(contentsOf(staged[0].directory)).toEqual(asTexts(savedModel));
    expect(entries()).toEqual([manifest.identity]);
    expect(leases()).toHaveLength(8);
  });
});

describe('release, collect and close', () => {
  it('keep a copy as long as somebody needs it', async () => {
    const store = await openStore();
    const [first, second] = [await store.stage(model, manifest), await store.stage(model, manifest)];
    await first.release();
    await first.release();
    expect(await store.collect()).toEqual({ removed: [], freedBytes: 0 });
    for await (const { chunk } of readModelContent(second.directory)) expect(chunk).toBeDefined();
    await store.close();
    expect(leases()).toEqual([]);
    expect(await (await openStore()).collect()).toEqual({ removed: [manifest.identity], freedBytes: 3010 });
    expect(entries()).toEqual([]);
  });

  it('never take a copy from somebody who is just staging it', async () => {
    const stores = await Promise.all(Array.from({ length: 3 }, () => openStore()));
    let isOver = false;
    const collector = (async () => {
      while (!isOver) await stores[0].collect();
    })();
    for (let round = 0; round < 15; round++) {
      const staged = await Promise.all(stores.map((store) => store.stage(model, manifest)));
      // Its name may be away for a moment, never the copy.
      await expect.poll(() => existsSync(join(staged[0].directory, 'saved_model.pb')), { interval: 1 }).toBe(true);
      await Promise.all(staged.map(({ release }) => release()));
    }
    isOver = true;
    await collector;
    await stores[0].collect();
    expect(entries()).toEqual([]);
  });

  it('report what the system says', async () => {
    const store = await openStore();
    rmSync(folder, { recursive: true });
    await expect(store.collect()).rejects.toEqual(refusal('INTERNAL'));
  });
});
