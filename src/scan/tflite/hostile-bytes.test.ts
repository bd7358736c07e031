import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { flatModel, floats, tfliteModel } from '../../../tests/support/tflite-builder.ts';
import { flexReadFileModel } from '../../../tests/support/tflite-real.ts';
import { scanTfliteBytes } from '../../../tests/support/tflite-scan.ts';
import { readFlexbufferStrings } from './flexbuffer.ts';

const plain = tfliteModel({
  subgraphs: [
    {
      tensors: [{ shape: [2] }, { shape: [2], data: floats(1, 2) }, { shape: [2] }],
      inputs: [0],
      outputs: [2],
      operators: [{ op: 'ADD', inputs: [0, 1], outputs: [2], options: ['ReshapeOptions', { newShape: [2] }] }],
    },
  ],
  signatures: [{ key: 'serve', inputs: { x: 0 }, outputs: { y: 2 } }],
});

function changed(bytes: Buffer, change: (copy: Buffer) => void): Buffer {
  const copy = Buffer.from(bytes);
  change(copy);
  return copy;
}

/** A zip with one stored or deflated member, its offsets counted from `base`, as Python's zipfile appends it to a file. */
function zip(base: number): Buffer {
  const name = Buffer.from('labels.txt');
  const content = Buffer.from('cat\ndog\n');
  const packed = deflateRawSync(content);
  const local = Buffer.alloc(30 + name.length);
  local.writeUInt32LE(0x04034b50, 0);
  local.writeUInt16LE(8, 8);
  local.writeUInt32LE(packed.length, 18);
  local.writeUInt32LE(content.length, 22);
  local.writeUInt16LE(name.length, 26);
  name.copy(local, 30);
  const central = Buffer.alloc(46 + name.length);
  central.writeUInt32LE(0x02014b50, 0);
  central.writeUInt16LE(8, 10);
  central.writeUInt32LE(packed.length, 20);
  central.writeUInt32LE(content.length, 24);
  central.writeUInt16LE(name.length, 28);
  central.writeUInt32LE(base, 42);
  name.copy(central, 46);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(1, 8);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(base + local.length + packed.length, 16);
  return Buffer.concat([local, packed, central, end]);
}

describe('a flatbuffer that leads out of its file', () => {
  it.each([
    ['a root far away', changed(plain, (copy) => copy.writeUInt32LE(0xffff_ff00, 0))],
    ['a root at its own offset', changed(plain, (copy) => copy.writeUInt32LE(0, 0))],
    ['a vtable before the file', changed(plain, (copy) => copy.writeInt32LE(0x7fff_0000, copy.readUInt32LE(0)))],
    ['a file that is cut', plain.subarray(0, plain.length - 200)],
    ['a file of seven bytes', plain.subarray(0, 7)],
    ['nothing', Buffer.alloc(0)],
  ])('is found and never clean: %s', async (_, bytes) => {
    const { serious, context } = await scanTfliteBytes(bytes);
    expect(serious).toEqual([expect.stringMatching(/^high malformed\/flatbuffer/)]);
    expect(context.parts).toHaveLength(1);
  });

  it('is found when a vector says that it is longer than the file', async () => {
    const at = plain.indexOf('serve') - 4;
    const { serious } = await scanTfliteBytes(changed(plain, (copy) => copy.writeUInt32LE(0x4000_0000, at)));
    expect(serious).toEqual([expect.stringMatching(/signatureDefs\[0\]\.signatureKey has a vector of 1073741824/)]);
  });

  it.each([0, 0x8000_0000])('is found when an offset is %i, which leads to itself or backwards', async (distance) => {
    const text = plain.indexOf('made by a test') - 4;
    const at =
      Array.from({ length: text }, (_, place) => place).find(
        (place) => place % 4 === 0 && place + plain.readUInt32LE(place) === text,
      ) ?? 0;
    const { serious } = await scanTfliteBytes(changed(plain, (copy) => copy.writeUInt32LE(distance, at)));
    expect(serious).toEqual([expect.stringContaining(`model.description has an offset of ${distance}`)]);
  });

  it('is found when a string has no end', async () => {
    const at = plain.indexOf('serve') + 5;
    const { serious } = await scanTfliteBytes(changed(plain, (copy) => copy.writeUInt8(65, at)));
    expect(serious).toEqual([expect.stringMatching(/is a string without an end/)]);
  });

  it('says so of another identifier and reads on', async () => {
    const { all, context } = await scanTfliteBytes(changed(plain, (copy) => copy.write('XXXX', 4, 'latin1')));
    expect(all).toEqual([expect.stringMatching(/^low malformed\/tflite-identifier: .*XXXX/)]);
    expect(context.parts).toEqual([]);
  });

  it('is refused when tables share each other too often', async () => {
    // 1200 subgraphs, each with the same list of 1200 tensors: small in the file, a million and more to read.
    const one = flatModel({
      version: 3,
      buffers: [{}],
      subgraphs: [{ tensors: Array.from({ length: 1200 }, () => ({ shape: [1] })) }],
    });
    const subgraphs = Buffer.alloc(4 + 1200 * 4);
    subgraphs.writeUInt32LE(1200, 0);
    const end = one.length + ((4 - (one.length % 4)) % 4);
    // Offsets must point forward, so a copy of the subgraph lies behind the list that names it.
    const root = one.readUInt32LE(0);
    const field = root + one.readUInt16LE(root - one.readInt32LE(root) + 4 + 2 * 2);
    const subgraph = field + one.readUInt32LE(field) + 4;
    const original = subgraph + one.readUInt32LE(subgraph);
    const start = original - one.readInt32LE(original);
    const listAt = end;
    const copyAt = end + subgraphs.length;
    for (let index = 0; index < 1200; index++) {
      const place = listAt + 4 + index * 4;
      subgraphs.writeUInt32LE(copyAt + (original - start) - place, 4 + index * 4);
    }
    const bytes = Buffer.concat([one, Buffer.alloc(end - one.length), subgraphs, one.subarray(start)]);
    bytes.writeUInt32LE(listAt - field, field);
    const { serious } = await scanTfliteBytes(bytes);
    expect(serious).toEqual([expect.stringMatching(/more than 1000000 tables/)]);
  });
});

describe('a zip behind the model', () => {
  it.each([
    ['with offsets of the whole file', zip(plain.length)],
    ['with offsets of its own', zip(0)],
  ])('is left to who reads archives: %s', async (_, archive) => {
    const { all, context } = await scanTfliteBytes(Buffer.concat([plain, archive]));
    expect(all).toEqual([]);
    expect(context.sources).toEqual([]);
  });

  it('does not hide what lies before it', async () => {
    const script = Buffer.from('#!/bin/sh\nrm -rf /\n');
    const { serious } = await scanTfliteBytes(Buffer.concat([plain, script, zip(plain.length + script.length)]));
    expect(serious).toEqual([expect.stringMatching(/^high payload\/appended/)]);
  });

  it('that is none for archive readers is data behind the model', async () => {
    const archive = zip(0);
    const { serious } = await scanTfliteBytes(Buffer.concat([plain, archive.subarray(0, archive.length - 30)]));
    expect(serious).toEqual([expect.stringMatching(/^high payload\/appended: .*zip archive/)]);
  });
});

describe('any bytes', () => {
  it('random ones are judged without a fault of ours', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
        await scanTfliteBytes(bytes);
      }),
      { numRuns: 150 },
    );
  });

  it.each([
    ['a plain model', plain],
    ['a model with Flex operations', flexReadFileModel],
  ])('%s with changed bytes is judged without a fault of ours', async (_, model) => {
    const change = fc.tuple(
      fc.nat({ max: model.length - 4 }),
      fc.oneof(fc.nat({ max: 64 }), fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 6 }), fc.boolean(), async (changes, isWide) => {
        const bytes = changed(model, (copy) => {
          for (const [at, value] of changes) isWide ? copy.writeInt32LE(value, at) : copy.writeUInt8(value & 0xff, at);
        });
        await scanTfliteBytes(bytes);
      }),
      { numRuns: 250 },
    );
  });

  it('flexbuffers are refused or read', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          readFlexbufferStrings(Buffer.from(bytes), 4);
        } catch (thrown) {
          expect(String(thrown)).toMatch(/flexbuffer/);
        }
      }),
    );
  });
});
