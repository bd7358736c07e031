// The commands `contract profile` and `contract check` from end to end: real files in, a contract on disk, and its verdict on the same and on
// other data. With the model of examples/tabular, and with one that takes images and one that takes tf.Example.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { crc32, deflateSync } from 'node:zlib';
import { create, toBinary } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { main } from '../../src/cli/main.ts';
import { type Contract, compileContract, formatContract, parseContract } from '../../src/contract/index.ts';
import { checkDataset, isBroken, measureData, openDataset, profileDatasets, proposeFromData } from '../../src/derive/index.ts';
import { ExampleSchema } from '../../src/model/gen/tensorflow/example_pb.ts';
import type { Signature } from '../../src/tensor/index.ts';
import { tfrecordFile } from './datasets-files.ts';

const model = join(import.meta.dirname, '../../examples/tabular/1');
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'airlock-profile-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function airlock(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const out = { stdout: new PassThrough(), stderr: new PassThrough() };
  const code = await main(args, { ...out, env: {}, isTerminal: false });
  return { code, stdout: String(out.stdout.read() ?? ''), stderr: String(out.stderr.read() ?? '') };
}

const columns = 'alcohol,flavanoids,hue,magnesium,proline,colour';
const wine = (index: number) =>
  `${12 + (index % 30) / 10},${(index % 40) / 10},${0.5 + (index % 11) / 10},${80 + (index % 60)},${300 + index},${['pale', 'medium', 'deep'][index % 3]}`;
const table = (rows: readonly string[]) => `${columns}\n${rows.join('\n')}\n`;

describe('contract profile and contract check', () => {
  it('make a contract of a table that the table passes and other wines do not', async () => {
    const [data, contract, other] = ['train.csv', 'contract.yaml', 'other.csv'].map((name) => join(folder, name));
    writeFileSync(data, table(Array.from({ length: 500 }, (_, index) => wine(index))));
    writeFileSync(other, table([wine(3), '99,1,1,100,500,pale', '13,1,1,100,500,green']));

    const profile = await airlock('contract', 'profile', model, '--data', data, '-o', contract);
    expect(profile).toMatchObject({ code: 0 });
    expect(profile.stdout).toMatch(/magnesium +DT_INT64 +500 +- +80 · /);
    expect(readFileSync(contract, 'utf8')).toMatch(/kind: csv[\s\S]*records: 500/);

    expect(await airlock('contract', 'check', contract, model, '--data', data)).toMatchObject({ code: 0 });
    const check = await airlock('contract', 'check', contract, model, '--data', other, '--json');
    expect(check.code).toBe(1);
    const report = JSON.parse(check.stdout);
    expect(report.files[0]).toMatchObject({ records: 3, refused: 2 });
    const ids = report.files[0].rules.map(({ ruleId }: { ruleId: string }) => ruleId);
    expect(ids).toContain('serving_default/inputs/alcohol/max');
    expect(ids).toContain('serving_default/inputs/colour/vocabulary');
    expect((await airlock('contract', 'check', contract, model, '--data', other, '--limit', '1')).code).toBe(0);
  });

  it('replay recorded requests', async () => {
    const bodies = join(folder, 'bodies.jsonl');
    const instance = { alcohol: 13, flavanoids: 1, hue: 1, magnesium: 100, proline: 400, colour: 'pale' };
    const good = { instances: [instance] };
    writeFileSync(
      bodies,
      `${JSON.stringify(good)}\n${JSON.stringify({ instances: [instance, { ...instance, alcohol: 99 }] })}\n`,
    );
    const check = await airlock(
      'contract',
      'check',
      join(folder, 'contract.yaml'),
      model,
      '--data',
      bodies,
      '--format',
      'requests',
    );
    expect(check.code).toBe(1);
    expect(check.stdout).toMatch(/2 records, 1 refused/);
    expect(check.stdout).toMatch(/request 2: alcohol\[1\]/);
  });

  it('do not take what was not checked for good, nor a profile of nothing', async () => {
    const contract = join(folder, 'contract.yaml');
    const [empty, holes, broken] = ['empty.csv', 'holes.csv', 'broken.jsonl'].map((name) => join(folder, name));
    writeFileSync(empty, `${columns}\n`);
    writeFileSync(holes, table([wine(3), wine(4).replace(/^[^,]+/, '')]));
    writeFileSync(broken, '{"instances": [\n');
    expect(await airlock('contract', 'check', contract, model, '--data', empty)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/empty\.csv: there was nothing to check/),
    });
    const check = ['contract', 'check', contract, model, '--data', holes, '--missing', ''];
    expect(await airlock(...check)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/1 of 2 records have no value for an input and were not checked \(see --allow-incomplete\)/),
    });
    expect(await airlock(...check, '--allow-incomplete')).toMatchObject({ code: 0 });
    const requests = await airlock('contract', 'check', contract, model, '--data', broken, '--format', 'requests');
    expect(requests).toMatchObject({ code: 1, stderr: expect.stringMatching(/1 of 1 requests could not be decoded/) });
    expect(requests.stdout).not.toContain('no rule was broken');
    expect(await airlock('contract', 'profile', model, '--data', empty, '-o', join(folder, 'empty.yaml'))).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/at least one record/),
    });
    expect(readdirSync(folder)).not.toContain('empty.yaml');
  });

  it.each([
    ['profile', '--margin', ''],
    ['profile', '--margin', '0x10'],
    ['check', '--limit', '0x10'],
    ['check', '--limit', ''],
    ['check', '--limit', '0'],
  ])('%s refuses %s %j', async (command, option, value) => {
    const data = join(folder, 'train.csv');
    const rest = command === 'profile' ? [model, '-o', join(folder, 'x.yaml')] : [join(folder, 'contract.yaml'), model];
    expect((await airlock('contract', command, ...rest, '--data', data, option, value)).code).toBe(2);
  });

  it('say what is wrong with data, options and files that are there', async () => {
    const bad = join(folder, 'bad.csv');
    writeFileSync(bad, table([wine(1), wine(2).replace(/^[^,]+/, '')]));
    const first = await airlock('contract', 'profile', model, '--data', bad, '-o', join(folder, 'bad.yaml'));
    expect(first.code).toBe(1);
    expect(first.stderr).toMatch(
      /record 2, column alcohol: expected a number for DT_FLOAT \(if this means that a value is missing/,
    );
    expect(readdirSync(folder)).not.toContain('bad.yaml');
    const again = await airlock(
      'contract',
      'profile',
      model,
      '--data',
      join(folder, 'train.csv'),
      '--margin',
      '1',
      '-o',
      join(folder, 'contract.yaml'),
    );
    expect(again).toMatchObject({ code: 2 });
    expect(
      (await airlock('contract', 'profile', model, '--data', bad, '--margin', '-1', '-o', join(folder, 'x.yaml'))).code,
    ).toBe(2);
    expect(
      (await airlock('contract', 'profile', model, '--data', bad, '--signature', 'none', '-o', join(folder, 'x.yaml'))).stderr,
    ).toMatch(/no signature none/);
    expect(
      (await airlock('contract', 'check', join(folder, 'contract.yaml'), model, '--data', join(folder, 'missing.csv'))).stderr,
    ).toMatch(/cannot be opened/);
  });

  it('warn of data that others can write', async () => {
    const data = join(folder, 'open.csv');
    writeFileSync(data, table([wine(1)]), { mode: 0o666 });
    const { chmodSync } = await import('node:fs');
    chmodSync(data, 0o666);
    const profile = await airlock('contract', 'profile', model, '--data', data, '-o', join(folder, 'open.yaml'));
    expect(profile.stderr).toMatch(/warning: open\.csv can be written by others/);
  });
});

function signatureOf(alias: string): Signature {
  const inputs = [{ alias, tensorName: `${alias}:0`, dtype: 'DT_STRING' as const, shape: [-1] }];
  return { name: 'serving_default', methodName: 'tensorflow/serving/predict', inputs, outputs: [] };
}

async function profileOf(
  path: string,
  signature: Signature,
  base?: Contract,
): Promise<{ contract: Contract; notes: readonly string[]; warnings: readonly string[]; sha256: string }> {
  const dataset = await openDataset(path);
  try {
    const profile = await profileDatasets(signature, [dataset], { id: 'test', ...(base === undefined ? {} : { base }) });
    const contract = parseContract(formatContract(profile.contract, { comments: profile.comments }), {
      vocabularies: profile.vocabularies,
    });
    const { inputs, warnings } = profile;
    return { contract, notes: inputs.flatMap(({ notes }) => notes), warnings, sha256: dataset.sha256() };
  } finally {
    await dataset.close();
  }
}

async function brokenBy(path: string, contract: Contract, signature: Signature): Promise<readonly string[]> {
  compileContract(contract, [signature]);
  const dataset = await openDataset(path);
  try {
    const report = await checkDataset(contract, [signature], signature, dataset);
    return isBroken(report) ? report.rules.filter(({ mode }) => mode === 'enforce').map(({ rule }) => rule) : [];
  } finally {
    await dataset.close();
  }
}

/** A grey PNG of 8 bits. */
function png(width: number, height: number): Buffer {
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
    const frame = Buffer.alloc(8);
    frame.writeUInt32BE(data.length, 0);
    frame.writeUInt32BE(crc32(body), 4);
    return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head[8] = 8;
  const pixels = Buffer.alloc((width + 1) * height);
  for (let row = 0; row < height; row++)
    for (let x = 0; x < width; x++) pixels[row * (width + 1) + 1 + x] = (x * 7 + row * 13) & 0xff;
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', head),
    chunk('IDAT', deflateSync(pixels)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

describe('a folder of images', () => {
  const signature = signatureOf('image');

  it('becomes rules of images that its files pass and larger ones do not', async () => {
    const images = join(folder, 'images');
    const others = join(folder, 'others');
    mkdirSync(join(images, 'cats'), { recursive: true });
    mkdirSync(others);
    for (let index = 0; index < 20; index++)
      writeFileSync(join(images, index % 2 ? 'cats' : '.', `${index}.png`), png(20 + index, 30));
    writeFileSync(join(others, 'a.png'), png(25, 31));
    writeFileSync(join(others, 'b.png'), png(46, 30));

    const { contract, sha256 } = await profileOf(images, signature);
    const rules = contract.signatures.get('serving_default')?.inputs.get('image');
    expect(rules?.image).toMatchObject({
      formats: ['png'],
      reencode: [],
      width: { min: 15, max: 44 },
      height: { min: 30, max: 30 },
      channels: [1],
    });
    expect(contract.metadata.sources[0]).toMatchObject({ kind: 'images', records: 20, sha256 });
    expect(await brokenBy(images, contract, signature)).toEqual([]);
    expect(new Set(await brokenBy(others, contract, signature))).toEqual(
      new Set(['image.width', 'image.height', 'image.maxPixels', 'image.maxDecodedBytes']),
    );
  });

  it('has the digest of its sorted files, whatever the order on disk', async () => {
    const { createHash } = await import('node:crypto');
    const images = join(folder, 'two');
    mkdirSync(images);
    writeFileSync(join(images, 'b.png'), png(3, 3));
    writeFileSync(join(images, 'a.png'), png(2, 2));
    const line = (name: string) =>
      `${createHash('sha256')
        .update(readFileSync(join(images, name)))
        .digest('hex')}  ${name}\n`;
    const { sha256 } = await profileOf(images, signature);
    expect(sha256).toBe(
      createHash('sha256')
        .update(line('a.png') + line('b.png'))
        .digest('hex'),
    );
  });

  it('names the files that no contract lets through', async () => {
    const images = join(folder, 'broken');
    mkdirSync(images);
    writeFileSync(join(images, 'a.png'), png(2, 2));
    writeFileSync(join(images, 'b.png'), 'no image');
    const { notes, contract } = await profileOf(images, signature);
    expect(notes.join()).toMatch(/1 of 2 files are no images that can be allowed; the first is number 2/);
    expect(await brokenBy(images, contract, signature)).toEqual(['image.format']);
  });
});

describe('a folder of images for a model about which something is known', () => {
  const signature = signatureOf('image');
  const baseOf = (image: string) =>
    parseContract(`
apiVersion: airlock/contract/v1
metadata: { id: base, revision: 1 }
dims: { batch: { min: 1, max: 8 } }
signatures: { serving_default: { inputs: { image: { dtype: string, shape: [batch], image: ${image} } } } }
`);
  const imageOf = (contract: Contract) => contract.signatures.get('serving_default')?.inputs.get('image')?.image;
  /** One pixel: a header, one colour table, one block. */
  const gif = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64');

  it('never widens that, and says which files are outside of it', async () => {
    const images = join(folder, 'mixed');
    mkdirSync(images);
    writeFileSync(join(images, 'a.png'), png(40, 30));
    writeFileSync(join(images, 'b.png'), Buffer.concat([png(20, 30), Buffer.from('more')]));
    writeFileSync(join(images, 'c.gif'), gif);
    const base = baseOf('{ formats: [png], reencode: [jpeg], width: { max: 30 }, maxRatio: 1.5, channels: [1, 4] }');
    const { contract, warnings } = await profileOf(images, signature, base);
    expect(imageOf(contract)).toMatchObject({
      formats: ['png'],
      reencode: [],
      width: { max: 30 },
      maxRatio: 1.5,
      trailingData: 'reject',
      channels: [1],
    });
    const said = warnings.join('\n');
    expect(said).toContain('image: 1 of 3 files are gif, which the model does not take');
    expect(said).toContain('1 of 3 files have channels 3');
    expect(said).toMatch(/files have the width 1 to 40, allowed is at most 30/);
    expect(said).toMatch(/files need maxRatio \d+, which stays at 1\.5/);
    expect(said).toContain('1 files have bytes after their end');
  });

  it('stays as it was where no file is inside', async () => {
    const images = join(folder, 'gifs');
    mkdirSync(images);
    writeFileSync(join(images, 'c.gif'), gif);
    const base = baseOf('{ formats: [png], reencode: [jpeg], width: { min: 10, max: 30 } }');
    const { contract, warnings } = await profileOf(images, signature, base);
    expect(imageOf(contract)).toMatchObject({ formats: ['png'], reencode: ['jpeg'], width: { min: 10, max: 30 } });
    expect(warnings[0]).toContain('1 of 1 files are gif');
  });

  it('is no hindrance for an update, which asks what the data want', async () => {
    const images = join(folder, 'wider');
    mkdirSync(images);
    writeFileSync(join(images, 'a.png'), png(80, 30));
    const dataset = await openDataset(images);
    try {
      const base = baseOf('{ formats: [png], width: { min: 10, max: 60 } }');
      const { measured } = await measureData(base, [dataset]);
      expect(imageOf(measured)).toMatchObject({ formats: ['png'], width: { min: 80, max: 80 } });
      const proposal = proposeFromData(base, measured, measured.metadata.sources);
      expect(imageOf(proposal.contract)?.width).toEqual({ min: 10, max: 65 });
    } finally {
      await dataset.close();
    }
  });

  it('is narrowed without a word where all files are inside', async () => {
    const images = join(folder, 'inside');
    mkdirSync(images);
    writeFileSync(join(images, 'a.png'), png(20, 30));
    const { contract, warnings } = await profileOf(images, signature, baseOf('{ formats: [bmp, png], reencode: [jpeg] }'));
    expect(imageOf(contract)).toMatchObject({ formats: ['png'], reencode: [], width: { min: 20, max: 20 } });
    expect(warnings).toEqual([]);
    expect(await brokenBy(images, contract, signature)).toEqual([]);
  });
});

describe('TFRecords of tf.Example', () => {
  const signature = signatureOf('examples');
  const example = (age: bigint, weights: number[], name?: string) =>
    toBinary(
      ExampleSchema,
      create(ExampleSchema, {
        features: {
          feature: [
            { key: 'age', value: { kind: { case: 'int64List', value: { value: [age] } } } },
            { key: 'weights', value: { kind: { case: 'floatList', value: { value: weights } } } },
            ...(name === undefined
              ? []
              : [{ key: 'name', value: { kind: { case: 'bytesList' as const, value: { value: [Buffer.from(name)] } } } }]),
          ],
        },
      }),
    );

  it('become rules of features', async () => {
    const data = join(folder, 'train.tfrecord');
    writeFileSync(
      data,
      tfrecordFile(
        Array.from({ length: 50 }, (_, index) =>
          example(BigInt(20 + index), Array(1 + (index % 3)).fill(0.5), index % 2 ? 'x' : undefined),
        ),
      ),
    );
    const { contract } = await profileOf(data, signature);
    const features = contract.signatures.get('serving_default')?.inputs.get('examples')?.example?.features;
    expect(features?.get('age')).toMatchObject({ kind: 'int64', required: true, count: { min: 1, max: 1 }, min: 7, max: 82 });
    expect(features?.get('weights')).toMatchObject({ kind: 'float', count: { min: 1, max: 4 } });
    expect(features?.get('name')).toMatchObject({ kind: 'bytes', required: false });
    expect(await brokenBy(data, contract, signature)).toEqual([]);

    for (const [message, rule] of [
      [example(83n, [0.5]), 'example.values'],
      [example(30n, [0.5, 0.5, 0.5, 0.5, 0.5]), 'example.count'],
      [example(30n, [Number.NaN]), 'example.values'],
    ] as const) {
      const other = join(folder, 'other.tfrecord');
      writeFileSync(other, tfrecordFile([message]));
      expect(await brokenBy(other, contract, signature)).toEqual([rule]);
    }
  });

  it('keep what the model demands, and say where the data are otherwise', async () => {
    const base = parseContract(`
apiVersion: airlock/contract/v1
metadata: { id: base, revision: 1 }
dims: { batch: { min: 1, max: 8 } }
signatures:
  serving_default:
    inputs:
      examples:
        dtype: string
        shape: [batch]
        example:
          maxFeatures: 4
          features:
            age: { kind: int64, count: { min: 1, max: 1 }, max: 30 }
            weights: { kind: float, count: { min: 2, max: 2 } }
            name: { kind: bytes }
            city: { kind: bytes }
`);
    const data = join(folder, 'demands.tfrecord');
    writeFileSync(data, tfrecordFile([example(20n, [0.5], 'x'), example(40n, [0.5, Number.POSITIVE_INFINITY])]));
    const { contract, warnings } = await profileOf(data, signature, base);
    const features = contract.signatures.get('serving_default')?.inputs.get('examples')?.example?.features;
    expect(features?.get('age')).toMatchObject({ count: { min: 1, max: 1 }, max: 30 });
    expect(features?.get('weights')).toMatchObject({ count: { min: 2, max: 2 }, min: 0.5, number: { infinity: 'allow' } });
    expect(features?.get('weights')).not.toHaveProperty('max');
    expect(features?.get('name')).toMatchObject({ required: true });
    expect(warnings).toEqual([
      'examples: feature age: the data go up to 40, max stays at 30',
      'examples: feature weights: the data have 1 to 2 values, allowed are 2',
      expect.stringMatching(/^examples: feature weights: of 3 values 1 times Infinity/),
      'examples: feature name: 1 of 2 examples lack it, and it must be there',
      'examples: no example has the feature city, which must be there',
    ]);
  });

  it('may have more features than the model needs', async () => {
    const base = parseContract(`
apiVersion: airlock/contract/v1
metadata: { id: base, revision: 1 }
dims: { batch: { min: 1, max: 8 } }
signatures:
  serving_default:
    inputs:
      examples:
        dtype: string
        shape: [batch]
        example: { maxFeatures: 1, unknownFeatures: allow, features: { age: { kind: int64 } } }
`);
    const data = join(folder, 'more.tfrecord');
    writeFileSync(data, tfrecordFile([example(20n, [0.5], 'x'), example(40n, [1], 'y')]));
    const { contract, warnings } = await profileOf(data, signature, base);
    expect(contract.signatures.get('serving_default')?.inputs.get('examples')?.example).toMatchObject({ maxFeatures: 3 });
    expect(warnings).toEqual(['examples: an example has 3 features, so maxFeatures is no longer 1']);
    expect(await brokenBy(data, contract, signature)).toEqual([]);
  });
});
