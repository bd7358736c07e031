// Encoded images under a contract, over a whole server: formats that TensorFlow shall not decode are made anew, large ones are made
// smaller, and what no header can justify is refused before anything decodes it.
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { decoderEntry } from '../../src/decoder/index.ts';
import { attribute, node, placeholder, writeSavedModel } from '../support/graph.ts';
import { needsRuntime, slot } from '../support/runtime.ts';
import { post, startTestServer, type TestServer, temporaryFolder, until } from '../support/server.ts';
import { signature, spec } from '../support/tensors.ts';

const notBuilt = existsSync(decoderEntry) ? '' : ' (skipped: not built, run `npm run build`)';
const text = 7;
const folder = temporaryFolder();
let server: TestServer;

const rules = `{ dtype: string, shape: [batch], image: { formats: [png], reencode: [jpeg, webp], width: { max: 32 }, height: { max: 32 }, maxPixels: 1024 },
        onViolation: { image.width: { action: downsample, maxWidth: 16, maxHeight: 16 }, image.height: { action: downsample, maxWidth: 16, maxHeight: 16 }, image.maxPixels: { action: downsample, maxWidth: 16, maxHeight: 16 } } }`;
/** Only one width will do, and not many bytes. */
const exact = `{ dtype: string, shape: [batch], string: { encoding: binary, maxBytes: 6000 },
        image: { formats: [png], reencode: [jpeg], width: { min: 20, max: 20 } },
        onViolation: { image.width: { action: downsample, maxWidth: 20, maxHeight: 200 } } }`;
const contract = (image: string) => `
apiVersion: airlock/contract/v1
metadata: { id: images, revision: 1 }
dims: { batch: { min: 1, max: 3 } }
signatures:
  serving_default:
    inputs:
      image: ${image}
    outputs: { same_bytes: { dtype: string, string: { encoding: binary } } }
`;

beforeAll(async () => {
  if (slot === undefined || notBuilt !== '') return;
  const nodes = [placeholder('image', text, [-1]), node('same_bytes', 'Identity', ['image'], { T: attribute.type(text) })];
  const signatures = [signature([spec('image:0', 'DT_STRING', [-1])], [spec('same_bytes:0', 'DT_STRING', [-1])])];
  writeSavedModel(path.join(folder, 'echo/1'), nodes, { signatures });
  const models = Object.entries({ echo: rules, exact }).map(([name, image]) => {
    const file = path.join(folder, `${name}.yaml`);
    writeFileSync(file, contract(image));
    return { name, path: path.join(folder, 'echo'), contract: file };
  });
  server = await startTestServer({ models });
  // Files that were just written have to lie still for two seconds.
  await until('the model', () => server.server.catalog.ready);
});
afterAll(async () => {
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => {
  if (server !== undefined) server.refusals.length = 0;
});

const picture = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: { r: 200, g: 30, b: 10 } } });

const send = (...images: readonly Buffer[]) => sendTo('echo', ...images);
const sendTo = (model: string, ...images: readonly Buffer[]) =>
  post(
    `${server.url}/v1/models/${model}:predict`,
    JSON.stringify({ instances: images.map((image) => ({ b64: image.toString('base64') })) }),
  );

interface Echo {
  readonly predictions: readonly (string | { readonly b64: string })[];
}

async function seenByModel(...images: readonly Buffer[]) {
  return sent(await send(...images));
}

function sent({ status, json, text: body }: Awaited<ReturnType<typeof post>>) {
  expect(status, body).toBe(200);
  return (json as Echo).predictions.map((one) =>
    Buffer.from(typeof one === 'string' ? one : one.b64, typeof one === 'string' ? 'latin1' : 'base64'),
  );
}

describe.skipIf(slot === undefined || notBuilt !== '')(`images under a contract${needsRuntime}${notBuilt}`, () => {
  it('reach the model as clean PNGs, whatever they were', async () => {
    const jpeg = await picture(20, 10)
      .withMetadata({ exif: { IFD0: { Copyright: 'SECRET-4711' } } })
      .jpeg()
      .toBuffer();
    const webp = await picture(8, 8).webp().toBuffer();
    expect(jpeg.includes('SECRET-4711')).toBe(true);
    const [first, second] = await seenByModel(jpeg, webp);
    expect(await sharp(first).metadata()).toMatchObject({ format: 'png', width: 20, height: 10, channels: 3 });
    expect(await sharp(second).metadata()).toMatchObject({ format: 'png', width: 8, height: 8 });
    expect(first.includes('SECRET-4711')).toBe(false);
  });

  it('are made smaller when they are too large, each for itself', async () => {
    const [small, large] = await seenByModel(await picture(30, 30).png().toBuffer(), await picture(400, 200).png().toBuffer());
    expect(await sharp(small).metadata()).toMatchObject({ format: 'png', width: 30, height: 30 });
    expect(await sharp(large).metadata()).toMatchObject({ format: 'png', width: 16, height: 8 });
  });

  it('are refused by the header when they declare what they cannot be', async () => {
    const png = await picture(30, 30).png().toBuffer();
    png.writeUInt32BE(60_000, 16);
    png.writeUInt32BE(60_000, 20);
    const { status, json } = await send(png);
    expect(status).toBe(400);
    expect(json).toMatchObject({ code: 'CONTRACT_VIOLATION' });
    expect((json as { violations: readonly { path: string }[] }).violations[0].path).toBe('instances[0]');
    expect(server.refusals[0].ruleId).toMatch(/^serving_default\/inputs\/image\/image\./);
  });

  it('are refused when they cannot be decoded, and nobody else hears of it', async () => {
    const jpeg = await picture(20, 10).jpeg().toBuffer();
    // Its header and its end are in order, its data is not.
    const middle = jpeg.length - 60;
    const broken = Buffer.concat([jpeg.subarray(0, middle), Buffer.alloc(30, 0xff), jpeg.subarray(middle + 30)]);
    const { status, json } = await send(broken);
    expect(status).toBe(400);
    expect(['IMAGE_UNDECODABLE', 'CONTRACT_VIOLATION']).toContain((json as { code: string }).code);
    const [fine] = await seenByModel(jpeg);
    expect(await sharp(fine).metadata()).toMatchObject({ format: 'png', width: 20 });
  });

  it('have exactly the size that a rule asks for when they were made smaller', async () => {
    for (const [width, height] of [
      [1001, 333],
      [999, 301],
      [640, 47],
    ]) {
      const [made] = sent(await sendTo('exact', await picture(width, height).png().toBuffer()));
      expect((await sharp(made).metadata()).width).toBe(20);
    }
  });

  it('are refused when they break a rule by what the decoder made of them', async () => {
    const noise = Buffer.from(Array.from({ length: 20 * 120 * 3 }, (_, i) => (i * i * 7919) >> 3));
    const jpeg = await sharp(noise, { raw: { width: 20, height: 120, channels: 3 } })
      .jpeg({ quality: 20 })
      .toBuffer();
    expect(jpeg.length).toBeLessThan(6000);
    const { status, json } = await sendTo('exact', jpeg);
    expect(status).toBe(400);
    expect(json).toMatchObject({ code: 'CONTRACT_VIOLATION', violations: [{ path: 'instances[0]', rule: 'string.maxBytes' }] });
  });

  it('of another kind are refused', async () => {
    const { status, json } = await send(await picture(8, 8).gif().toBuffer());
    expect(status).toBe(400);
    expect(json).toMatchObject({ violations: [{ rule: 'image.format' }] });
  });
});
