// The cases of rules that look into what strings hold: images, audio, tf.Example messages. For tests/support/contract-cases.ts.
import { deflateSync } from 'node:zlib';
import type { ExampleRules, FeatureRules, ImageRules } from '../../src/contract/index.ts';
import { gif, jpeg, jpegFrame, jpegScan, png, pngChunk, riffChunk, wav } from '../security/images/make-images.ts';
import type { CaseName, RuleCase } from './contract-case.ts';
import { type RuleDraft, strings } from './contracts.ts';
import { type ExampleFeature, encodeExample } from './example.ts';

type ContentName = Extract<CaseName, `image.${string}` | `audio.${string}` | `example.${string}`>;

const image = (rules: Partial<ImageRules>, inside: Buffer, outside: Buffer, box?: string): RuleCase => ({
  rules: {
    dtype: 'DT_STRING',
    image: {
      formats: ['png', 'jpeg', 'gif'],
      reencode: [],
      maxDecodedBytes: 1e9,
      maxRatio: 1e9,
      inflatedSize: 'check',
      trailingData: 'reject',
      maxMetadataBytes: 1e6,
      maxScans: 1000,
      checksums: 'check',
      ...rules,
    },
  },
  inside: strings([inside]),
  outside: strings([outside]),
  ...(box === undefined
    ? {}
    : { changes: { downsample: { action: { kind: 'downsample', maxWidth: 4, maxHeight: 3 }, becomes: { box } } } }),
});
const note = (length: number): Buffer => pngChunk('tEXt', Buffer.alloc(length, 'a'));
const scans = (count: number): Buffer =>
  jpeg([jpegFrame(4, 3, { marker: 0xc2 }), ...new Array<Buffer>(count).fill(jpegScan(1, [1, 5]))]);
const damaged = Buffer.from(png({ before: [note(9)] })).fill(0x62, 41, 42);
const audio = (rules: NonNullable<RuleDraft['audio']> | object, inside: Buffer, outside: Buffer): RuleCase => ({
  rules: { dtype: 'DT_STRING', audio: { maxMetadataBytes: 1e6, ...rules } },
  inside: strings([inside]),
  outside: strings([outside]),
});
const pause = (length: number): Buffer => riffChunk('LIST', Buffer.alloc(length * 2));

const ints = (...values: number[]): ExampleFeature => ({ kind: 'int64', values });
const message = (features: Readonly<Record<string, ExampleFeature>>): Uint8Array =>
  encodeExample(new Map(Object.entries(features)));
type Messages = Readonly<Record<string, ExampleFeature>> | Uint8Array;
const bytesOf = (given: Messages): Uint8Array => (given instanceof Uint8Array ? given : message(given));
const example = (rules: Partial<ExampleRules>, inside: Messages, outside: Messages): RuleCase => ({
  rules: {
    dtype: 'DT_STRING',
    example: { features: new Map(), unknownFeatures: 'allow', maxFeatures: 100, sparse: [], ragged: [], ...rules },
  },
  inside: strings([bytesOf(inside)]),
  outside: strings([bytesOf(outside)]),
});
const features = (rules: Readonly<Record<string, Partial<FeatureRules>>>): Pick<ExampleRules, 'features'> => ({
  features: new Map(
    Object.entries(rules).map(([name, one]) => [name, { kind: 'int64', required: false, ...one } satisfies FeatureRules]),
  ),
});
const group = features({ i: {}, v: {} });
const sparse = { name: 's', index: ['i'], value: 'v', denseShape: [3], sorted: true, unique: true } as const;

export const contentCases: Readonly<Record<ContentName, RuleCase>> = {
  'image.format': image({ formats: ['gif'] }, gif(), png()),
  'image.structure': { ...image({}, jpeg(), jpeg([jpegFrame(4, 0), jpegScan()])), alwaysRefused: true },
  'image.width': image({ width: { max: 8 } }, png({ width: 8 }), png({ width: 9 }), '4×1'),
  'image.height': image({ height: { max: 8 } }, png({ height: 8 }), png({ height: 9 }), '1×3'),
  'image.maxPixels': image({ maxPixels: 24 }, png({ width: 8 }), png({ width: 9 }), '4×1'),
  'image.channels': image({ channels: [1] }, png({ colourType: 0 }), png({ colourType: 2 })),
  'image.bitDepth': image({ bitDepth: [16] }, png({ depth: 16 }), png()),
  'image.maxFrames': {
    ...image({ maxFrames: 1 }, gif(), gif({ frames: 2 })),
    changes: { truncate: { action: { kind: 'truncate', side: 'right' }, becomes: { box: '4×3' } } },
  },
  'image.maxDecodedBytes': image({ maxDecodedBytes: 36 }, png(), png({ width: 5 })),
  'image.maxRatio': image({ maxRatio: 1 }, png(), png({ width: 90, height: 90 })),
  'image.inflatedSize': image({}, png(), png({ data: [pngChunk('IDAT', deflateSync(Buffer.alloc(40)))] })),
  'image.trailingData': image({}, png(), png({ tail: Buffer.alloc(1) })),
  'image.maxMetadataBytes': image({ maxMetadataBytes: 21 }, png({ before: [note(9)] }), png({ before: [note(10)] })),
  'image.maxScans': image({ maxScans: 3 }, scans(3), scans(4)),
  'image.checksums': image({}, png({ before: [note(9)] }), damaged),
  'audio.structure': { ...audio({}, wav(), wav().subarray(0, -1)), alwaysRefused: true },
  'audio.sampleRate': audio({ sampleRate: [8000] }, wav({ sampleRate: 8000 }), wav({ sampleRate: 8001 })),
  'audio.channels': audio({ channels: [1] }, wav(), wav({ channels: 2 })),
  'audio.bitDepth': audio({ bitDepth: [16] }, wav(), wav({ bits: 24 })),
  'audio.codings': audio({ codings: ['pcm'] }, wav({ bits: 32 }), wav({ bits: 32, tag: 3 })),
  'audio.durationSeconds': audio({ durationSeconds: { max: 1 } }, wav({ frames: 16_000 }), wav({ frames: 16_001 })),
  'audio.maxMetadataBytes': audio({ maxMetadataBytes: 12 }, wav({ before: pause(2) }), wav({ before: pause(3) })),
  'example.structure': { ...example({}, { x: ints(1) }, message({ x: ints(1) }).subarray(0, -1)), alwaysRefused: true },
  'example.unknownFeatures': {
    ...example({ ...features({ x: {} }), unknownFeatures: 'reject' }, { x: ints(1) }, { x: ints(1), y: ints(2) }),
    changes: { select: { action: { kind: 'select' }, becomes: strings([message({ x: ints(1) })]) } },
  },
  'example.maxFeatures': example({ maxFeatures: 1 }, { x: ints(1) }, { x: ints(1), y: ints(2) }),
  'example.required': example(features({ x: { required: true } }), { x: ints(1) }, { y: ints(1) }),
  'example.kind': example(features({ x: { kind: 'float' } }), { x: { kind: 'float', values: [1] } }, { x: ints(1) }),
  'example.count': example(features({ x: { count: { max: 1 } } }), { x: ints(1) }, { x: ints(1, 2) }),
  'example.values': example(features({ x: { max: 3 } }), { x: ints(3) }, { x: ints(4) }),
  'example.sparse': example({ ...group, sparse: [sparse] }, { i: ints(0, 2), v: ints(7, 7) }, { i: ints(0, 3), v: ints(7, 7) }),
  'example.ragged': example(
    { ...group, ragged: [{ name: 'r', value: 'v', rowLengths: 'i' }] },
    { i: ints(2, 0), v: ints(7, 7) },
    { i: ints(2, 1), v: ints(7, 7) },
  ),
};
