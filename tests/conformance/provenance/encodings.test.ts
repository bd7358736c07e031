// The bytes that a signature covers, in the current form and in the one of v0.2 with its mistake, are those of the real tool for any payload.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dssePayloadType, preAuthEncoding, preAuthEncodingV02 } from '../../../src/provenance/format/index.ts';
import { hasModelSigning, ModelSigning, needsModelSigning } from './model-signing.ts';

describe.skipIf(!hasModelSigning)(`the bytes that a signature covers${needsModelSigning}`, () => {
  let python: ModelSigning;

  beforeAll(() => {
    python = new ModelSigning();
  });
  afterAll(() => python?.close());

  async function byPython(payload: Uint8Array, old: boolean): Promise<Buffer> {
    const { bytes } = await python.ask({ do: 'encode', payload: Buffer.from(payload).toString('base64'), old });
    return Buffer.from(String(bytes), 'base64');
  }

  async function expectSame(payload: Uint8Array): Promise<void> {
    const buffer = Buffer.from(payload);
    expect(preAuthEncoding(dssePayloadType, buffer)).toEqual(await byPython(payload, false));
    expect(preAuthEncodingV02(dssePayloadType, buffer)).toEqual(await byPython(payload, true));
  }

  it('are the same for every byte, beside each kind of quote', async () => {
    const all = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    await expectSame(all);
    const without = (...bytes: number[]): Buffer => Buffer.from(all.filter((byte) => !bytes.includes(byte)));
    await expectSame(without(0x22));
    await expectSame(without(0x27));
    await expectSame(without(0x22, 0x27));
    await expectSame(Buffer.alloc(0));
  });

  it('are the same for any payload', async () => {
    await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 64 }), expectSame), { numRuns: 100 });
  });
});
