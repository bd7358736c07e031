// What may happen to a model's folder after it was signed, row by row: the verdict of the real tool and ours side by side, both asserted. Where
// the tool accepts what the signature does not cover, the copy that Airlock makes must not have it.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openModelStore } from '../../../src/provenance/store/index.ts';
import { type KeyFiles, makeKeyFiles } from './hand-made-bundle.ts';
import { plainFiles, writeFiles } from './model-folders.ts';
import { hasModelSigning, ModelSigning, needsModelSigning } from './model-signing.ts';
import { keyEntry, ourVerdict } from './our-verdict.ts';

const composed = 'caf\u00e9';
const decomposed = 'cafe\u0301';
const files = { ...plainFiles, [composed]: 'name', Case: 'case', 'sub/other': 'other!' };

interface Row {
  readonly title: string;
  change(model: string): void;
  /** What the tool says: words of its refusal, or that it accepts. */
  readonly python: RegExp | 'accepts';
  readonly options?: readonly string[];
  /** What we say, sorted; nothing where we accept too. */
  readonly ours: readonly string[];
}

const weights = 'variables/variables.data-00000-of-00001';

function swapContents(a: string, b: string): void {
  fs.renameSync(a, `${a}.swap`);
  fs.renameSync(b, a);
  fs.renameSync(`${a}.swap`, b);
}

const rows: readonly Row[] = [
  {
    title: 'content modified',
    change: (model) => fs.writeFileSync(join(model, weights), 'other weights'),
    python: /Hash mismatch for \W*variables\/variables.data-00000-of-00001/,
    ours: [`modified ${weights}`],
  },
  {
    title: 'content modified with the same size and time',
    change(model) {
      const file = join(model, weights);
      const { atime, mtime } = fs.statSync(file);
      fs.writeFileSync(file, 'WEIGHTS');
      fs.utimesSync(file, atime, mtime);
    },
    python: /Hash mismatch/,
    ours: [`modified ${weights}`],
  },
  {
    title: 'the contents of two files swapped',
    change: (model) => swapContents(join(model, 'variables/variables.index'), join(model, 'sub/other')),
    python: /Hash mismatch for \W*sub\/other.*Hash mismatch for \W*variables\/variables.index/s,
    ours: ['modified sub/other', 'modified variables/variables.index'],
  },
  {
    title: 'a file removed',
    change: (model) => fs.rmSync(join(model, weights)),
    python: /Missing files/,
    ours: [`missing ${weights}`],
  },
  {
    title: 'a file added',
    change: (model) => fs.writeFileSync(join(model, 'extra'), ''),
    python: /Extra files found in model 'model': extra/,
    ours: ['extra extra'],
  },
  {
    title: 'a file renamed, which keeps the root',
    change: (model) => fs.renameSync(join(model, 'zero'), join(model, 'zeros')),
    python: /Extra files.*zeros.*Missing files.*zero/s,
    ours: ['extra zeros', 'missing zero'],
  },
  {
    title: 'a name in other case',
    change: (model) => fs.renameSync(join(model, 'Case'), join(model, 'case')),
    python: /Missing files.*Case/s,
    ours: ['extra case', 'missing Case'],
  },
  {
    title: 'a name composed in another way (NFC to NFD)',
    change: (model) => fs.renameSync(join(model, composed), join(model, decomposed)),
    python: /Missing files/,
    ours: [`extra ${decomposed}`, `missing ${composed}`],
  },
  {
    title: 'a file added, and --ignore_unsigned_files',
    change: (model) => fs.writeFileSync(join(model, 'extra'), 'unsigned'),
    python: 'accepts',
    options: ['--ignore_unsigned_files'],
    ours: ['extra extra'],
  },
  {
    title: 'an empty file removed',
    change: (model) => fs.rmSync(join(model, 'zero')),
    python: /Missing files in model 'model': zero/,
    ours: ['missing zero'],
  },
  {
    title: 'a file added below .git of a folder that is not the top',
    change: (model) => writeFiles(model, { 'sub/.git/hook': 'run me' }),
    python: /Extra files.*sub\/.git\/hook/,
    ours: ['extra sub/.git/hook'],
  },
  {
    title: 'an empty folder added, as TensorFlow makes assets',
    change: (model) => fs.mkdirSync(join(model, 'assets')),
    python: 'accepts',
    ours: [],
  },
  {
    title: 'a file made executable and setuid',
    change: (model) => fs.chmodSync(join(model, weights), 0o4755),
    python: 'accepts',
    ours: [],
  },
  {
    title: 'a file that is a hard link to one outside',
    change(model) {
      fs.writeFileSync(`${model}.outside`, 'weights');
      fs.rmSync(join(model, weights));
      fs.linkSync(`${model}.outside`, join(model, weights));
    },
    python: 'accepts',
    ours: [],
  },
  {
    title: 'a fifo added',
    change: (model) => execFileSync('mkfifo', [join(model, 'pipe')]),
    python: /Cannot use '.*pipe' as file or directory/,
    ours: ['special pipe'],
  },
  {
    title: 'a fifo in the place of a file',
    change(model) {
      fs.rmSync(join(model, weights));
      execFileSync('mkfifo', [join(model, weights)]);
    },
    python: /Cannot use/,
    ours: [`special ${weights}`],
  },
  {
    title: 'a link to nothing added',
    change: (model) => fs.symlinkSync('nowhere', join(model, 'broken')),
    python: /Cannot use '.*broken' because it is a symlink/,
    ours: ['link broken'],
  },
  {
    title: 'a file replaced by a link to the same bytes',
    change: (model) => replaceByLink(model, weights),
    python: /because it is a symlink/,
    ours: [`link ${weights}`],
  },
  {
    title: 'a file replaced by a link to the same bytes, and --allow_symlinks',
    change: (model) => replaceByLink(model, weights),
    python: 'accepts',
    options: ['--allow_symlinks'],
    ours: [`link ${weights}`],
  },
  {
    title: 'a folder replaced by a link to the same folder',
    change: (model) => replaceByLink(model, 'variables'),
    python: /because it is a symlink/,
    ours: ['link variables', 'missing variables/variables.data-00000-of-00001', 'missing variables/variables.index'],
  },
  {
    title: 'a file replaced by a folder of its name',
    change(model) {
      fs.rmSync(join(model, 'Case'));
      writeFiles(model, { 'Case/inside': 'case' });
    },
    python: /Extra files.*Case\/inside.*Missing files.*Case/s,
    ours: ['extra Case/inside', 'missing Case'],
  },
  {
    title: 'a name that is not UTF-8',
    change: (model) => fs.writeFileSync(Buffer.concat([Buffer.from(`${model}/bad`), Buffer.from([0xff])]), ''),
    python: /Extra files|surrogates not allowed/,
    ours: ['extra bad\u00ff'],
  },
];

function replaceByLink(model: string, name: string): void {
  const elsewhere = `${model}.elsewhere`;
  fs.renameSync(join(model, name), elsewhere);
  fs.symlinkSync(elsewhere, join(model, name));
}

describe.skipIf(!hasModelSigning)(`a folder that changed after it was signed${needsModelSigning}`, () => {
  let folder: string;
  let python: ModelSigning;
  let key: KeyFiles;
  let cases = 0;

  beforeAll(() => {
    folder = fs.mkdtempSync(join(tmpdir(), 'airlock-trees-'));
    python = new ModelSigning();
    key = makeKeyFiles(folder, 'key');
  });
  afterAll(() => {
    python?.close();
    fs.rmSync(folder, { recursive: true, force: true });
  });

  async function signedModel(): Promise<{ model: string; signature: string }> {
    const model = writeFiles(join(folder, `${cases++}/model`), files);
    const signature = join(model, 'model.sig');
    expect(await python.sign(model, signature, { key: key.privateKey })).toMatchObject({ accepted: true });
    return { model, signature };
  }

  it('verifies for both as long as nothing changed', async () => {
    const { model, signature } = await signedModel();
    expect(await python.verify(model, signature, { publicKey: key.publicKey })).toMatchObject({ accepted: true });
    expect(await ourVerdict(model, signature, keyEntry(key.publicKey))).toMatchObject({ accepted: true, differences: [] });
  });

  it.each(rows)('$title', async ({ change, python: expected, options = [], ours }) => {
    const { model, signature } = await signedModel();
    change(model);

    const told = await python.verify(model, signature, { publicKey: key.publicKey }, ...options);
    if (expected === 'accepts') expect(told).toMatchObject({ accepted: true });
    else {
      expect(told.accepted).toBe(false);
      expect(told.text).toMatch(expected);
    }
    const verdict = await ourVerdict(model, signature, keyEntry(key.publicKey));
    expect(verdict.code).toBeUndefined();
    expect([...verdict.differences].sort()).toEqual(ours);
    await expectCopyOrRefusal(model, signature);
  });

  /** Either the copy is exactly what was signed, with our modes and no link to anywhere, or there is none. */
  async function expectCopyOrRefusal(model: string, signature: string): Promise<void> {
    const { manifest, accepted } = await ourVerdict(model, signature, keyEntry(key.publicKey));
    if (manifest === undefined) throw new Error('the bundle was not accepted');
    const store = await openModelStore(join(folder, `store-${cases++}`));
    try {
      if (!accepted) {
        await expect(store.stage(model, manifest)).rejects.toMatchObject({ code: 'MODEL_TAMPERED' });
        return;
      }
      const staged = await store.stage(model, manifest);
      for (const [name, text] of Object.entries(files)) {
        const file = join(staged.directory, name);
        expect(fs.readFileSync(file, 'utf8')).toBe(text);
        const { mode, nlink } = fs.statSync(file);
        expect({ mode: mode & 0o7777, nlink }).toEqual({ mode: 0o400, nlink: 1 });
      }
      await staged.release();
    } finally {
      await store.close();
    }
  }

  it('refuses a root that is a link, as the tool does', async () => {
    const { model, signature } = await signedModel();
    const link = join(folder, `link-${cases++}`);
    fs.symlinkSync(model, link);
    expect((await python.verify(link, signature, { publicKey: key.publicKey })).text).toMatch(/because it is a symlink/);
    expect(await ourVerdict(link, signature, keyEntry(key.publicKey))).toMatchObject({ accepted: false });
  });

  it('accepts a root that was renamed: a signature says nothing about the name of a model', async () => {
    const { model, signature } = await signedModel();
    const moved = join(folder, `moved-${cases++}`);
    fs.cpSync(model, moved, { recursive: true });
    expect(await python.verify(moved, signature, { publicKey: key.publicKey })).toMatchObject({ accepted: true });
    expect(await ourVerdict(moved, signature, keyEntry(key.publicKey))).toMatchObject({ accepted: true });
  });
});
