import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tarOf, zipOf } from '../../../tests/support/archive-builder.ts';
import { field, graphDef, message, metaGraph, savedModel, varintField } from '../../../tests/support/graph-builder.ts';
import { bundleItems, tableOf } from '../../../tests/support/model-builder.ts';
import { sourceOf } from '../../../tests/support/recording-context.ts';
import { maskedCrc32c } from '../../model/index.ts';
import { sniffFormat, sniffFormats } from './index.ts';

const sniff = (content: Buffer | string) => sniffFormat(sourceOf(Buffer.from(content)));
const nodes = [{ name: 'n', op: 'NoOp' }];
const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const padded = (content: Buffer | string, length = 64) => Buffer.concat([Buffer.from(content), Buffer.alloc(length)]);

describe('sniffFormat()', () => {
  it.each<[string, Buffer | string]>([
    ['saved-model', savedModel({ metaGraphs: [{ nodes }] })],
    ['saved-model', Buffer.concat([varintField(1, 1), field(2, field(1, field(4, 'serve')))])],
    ['graph-def', graphDef(nodes)],
    ['graph-def', graphDef([], { functions: [{ name: 'f', nodes }] })],
    ['graph-def', Buffer.from(field(4, varintField(1, 1395)))],
    ['meta-graph', metaGraph({ nodes })],
    [
      'keras-metadata',
      message(field(1, message(varintField(2, 0), field(3, 'root'), field(4, '_tf_keras_model'), field(5, '{"a":1}')))),
    ],
    ['fingerprint', message(varintField(1, 2n ** 60n), varintField(2, 5), varintField(3, 7), field(6, varintField(1, 1)))],
    ['onnx', message(varintField(1, 8), field(2, 'pytorch'), field(7, field(2, 'graph')), field(8, varintField(2, 17)))],
    ['checkpoint-index', tableOf([bundleItems([{ key: 'a', offset: 0, size: 4 }])])],
    ['saved-model-chunked', padded(hex('83af70d10d884a3f'))],
    ['tflite', padded(hex('1c000000 54464c33'))],
    ['hdf5', padded(hex('894844460d0a1a0a'))],
    ['hdf5', Buffer.concat([Buffer.alloc(1024), hex('894844460d0a1a0a')])],
    ['zip', zipOf([{ name: 'a' }])],
    ['keras-archive', zipOf([{ name: 'metadata.json' }, { name: 'config.json' }])],
    ['torch-archive', zipOf([{ name: 'archive/data.pkl' }])],
    ['numpy-archive', zipOf([{ name: 'a.npy' }])],
    ['jar', zipOf([{ name: 'META-INF/MANIFEST.MF' }])],
    ['tar', tarOf([{ name: 'a' }])],
    ['tar', tarOf([{ name: 'a', format: 'v7' }])],
    ['gzip', gzipSync('x')],
    ['elf', padded(hex('7f454c46 0201'))],
    ['pe', Buffer.concat([Buffer.from('MZ'), Buffer.alloc(58), hex('40000000'), Buffer.from('PE\0\0')])],
    ['unknown', Buffer.concat([Buffer.from('MZ'), Buffer.alloc(58), hex('40000000'), Buffer.from('xx\0\0')])],
    ['mach-o', padded(hex('cffaedfe 07000001 03000000 02000000'))],
    ['java-class', padded(hex('cafebabe 00000034'))],
    ['wasm', padded(hex('0061736d01000000'))],
    ['script', '#!/bin/sh\necho hi\n'],
    ['python', 'import os\nimport sys\n\nos.system("x")\n'],
    ['python', '# a comment\nimport os\nos.system("x")\n'],
    ['text', 'import\nexport\nos\nsystem\n'],
    ['text', '# A model\n\nUse it so:\n\n    import tensorflow as tf\n'],
    ['python-bytecode', padded(hex('a70d0d0a 00000000 00000000 00000000 e3'))],
    [
      'pickle',
      Buffer.concat([
        hex('8004 95'),
        hex('1e00000000000000'),
        Buffer.from('\x8c\x05posix\x94\x8c\x06system\x94\x93\x94\x8c\x02id\x94\x85\x94R\x94.', 'latin1'),
      ]),
    ],
    ['pickle', "cos\nsystem\n(S'id'\ntR."],
    [
      'numpy',
      Buffer.concat([
        hex('934e554d50590100'),
        Buffer.from("\x76\0{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", 'latin1'),
      ]),
    ],
    [
      'numpy-objects',
      Buffer.concat([
        hex('934e554d50590100'),
        Buffer.from("\x76\0{'descr': '|O', 'fortran_order': False, 'shape': (3,), }", 'latin1'),
      ]),
    ],
    ['safetensors', Buffer.concat([hex('0a00000000000000'), Buffer.from('{"a":{   }}')])],
    ['tfjs-model', '{"format": "graph-model", "modelTopology": {"node": []}, "weightsManifest": []}'],
    ['tfjs-model', '\ufeff {"\\u006dodelTopology": {}, "x": NaN}'],
    ['tfjs-model', '[{"paths": ["a"], "weights": []}]'],
    ['keras-json', '{"class_name": "Sequential", "config": []}'],
    ['json', '{"config": {"class_name": "inner only"}}'],
    ['json', '[1, 2]'],
    ['keras-yaml', 'backend: tensorflow\nclass_name: Sequential\nconfig: {}\n'],
    ['keras-yaml', 'a: !!python/object/apply:os.system ["id"]\n'],
    ['yaml', '---\na: 1\n'],
    ['saved-model-text', '# note { }\nsaved_model_schema_version: 1\nmeta_graphs { }\n'],
    ['saved-model-text', 'meta_graphs <\n>'],
    ['graph-def-text', 'node { name: "meta_graphs {" op: "NoOp" }\n'],
    ['meta-graph-text', 'meta_info_def { tags: "serve" }\ngraph_def { node { } }'],
    ['checkpoint-state', 'model_checkpoint_path: "ckpt-1"\n'],
    ['text', 'Some words: and { more'],
    ['text', 'the\nof\nand\n'],
    ['text', 'größe\nà\n'],
    ['image', padded(hex('89504e470d0a1a0a'))],
    ['empty', ''],
    ['unknown', hex('ff00fe01fd02')],
  ])('knows %s', (format, content) => {
    expect(sniff(content)).toBe(format);
  });

  it('knows TFRecord by the checksum of its first length', () => {
    const length = Buffer.alloc(8);
    length.writeUInt32LE(100);
    const checksum = Buffer.alloc(4);
    checksum.writeUInt32LE(maskedCrc32c(length));
    expect(sniff(Buffer.concat([length, checksum, Buffer.alloc(104)]))).toBe('tfrecord');
  });

  it.each([
    ['an opcode that does not exist', hex('8004 ff 2e')],
    ['no end', hex('8004 4e')],
    ['a version that does not exist', hex('8009 4e 2e')],
    ['text that calls nothing', "(S'a'\n."],
  ])('takes no pickle for granted: %s', (_, content) => {
    expect(sniff(content)).not.toBe('pickle');
    expect(sniff(hex('8004 4e 2e'))).toBe('pickle');
  });

  it('is not led astray by fields that a reader passes over', () => {
    const junk = message(varintField(9, 1), field(77, 'junk'), field(1, Buffer.from([1, 2, 3])));
    expect(sniff(Buffer.concat([junk, savedModel({ metaGraphs: [{ nodes }] })]))).toBe('saved-model');
    const many = Buffer.concat(Array.from({ length: 3000 }, () => Buffer.from(field(1, field(1, 'no operation')))));
    expect(sniff(Buffer.concat([many, graphDef(nodes)]))).toBe('graph-def');
  });

  it('still knows a model that is cut short', () => {
    const model = savedModel({ metaGraphs: [{ nodes }, { nodes }] });
    expect(sniff(model.subarray(0, model.length - 3))).toBe('saved-model');
  });
});

describe('sniffFormats()', () => {
  const both = (content: Buffer) => sniffFormats(sourceOf(content));

  it('says all that a file is', () => {
    expect(both(Buffer.concat([savedModel({ metaGraphs: [{ nodes }] }), graphDef(nodes)]))).toEqual(['saved-model', 'graph-def']);
    expect(both(Buffer.concat([metaGraph({ nodes }), graphDef(nodes)]))).toContain('graph-def');
    expect(both(zipOf([{ name: 'config.json' }, { name: 'metadata.json' }], { front: padded(hex('894844460d0a1a0a')) }))).toEqual(
      ['hdf5', 'keras-archive'],
    );
    expect(both(zipOf([{ name: 'a' }], { front: padded(hex('7f454c46 0201')) }))).toEqual(['elf', 'zip']);
  });

  it('says one thing about ordinary files', () => {
    expect(both(tarOf([{ name: 'a' }, { name: 'last.zip', content: zipOf([{ name: 'b' }]) }]))).toEqual(['tar']);
    expect(both(savedModel({ metaGraphs: [{ nodes, functions: [{ name: 'f', nodes }] }] }))).toEqual(['saved-model']);
    expect(both(graphDef(nodes, { functions: [{ name: 'f', nodes }], gradients: { f: 'g' } }))).toEqual(['graph-def']);
    expect(both(metaGraph({ nodes, functions: [{ name: 'f', nodes }] }))).toEqual(['meta-graph']);
  });

  it('never takes random bytes for something that runs', () => {
    let seed = 1;
    const random = () => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      return seed / 2 ** 31;
    };
    const odd = new Set<string>();
    for (let round = 0; round < 3000; round++) {
      odd.add(sniffFormat(sourceOf(Buffer.from(Array.from({ length: 256 }, () => Math.floor(random() * 256))))));
    }
    for (const format of [
      'elf',
      'pe',
      'mach-o',
      'pickle',
      'python',
      'python-bytecode',
      'script',
      'saved-model',
      'graph-def',
      'tflite',
    ]) {
      expect([...odd]).not.toContain(format);
    }
  });

  it.each(['word\n', 'longword'])(
    'does not go through a list of words or one long word (%j) to see that it is no model',
    (piece) => {
      let readBytes = 0;
      const source = sourceOf(Buffer.from(piece.repeat(3_000_000)));
      const counting = {
        ...source,
        read(offset: number, length: number) {
          readBytes += length;
          return source.read(offset, length);
        },
      };
      expect(sniffFormat(counting)).toBe('text');
      expect(readBytes).toBeLessThan(4 * 1024 ** 2);
    },
  );

  it('knows a text format by its first field after values that are words', () => {
    expect(sniff('saved_model_schema_version: 1e5 meta_graphs { }')).toBe('saved-model-text');
    expect(sniff('unknown: VALUE other: 0x1F more: -inf\nnode { name: "n" op: "NoOp" }')).toBe('graph-def-text');
  });

  it('knows a pickle of the oldest kind that is longer than what is walked', () => {
    const long = `cos\nsystem\n(S'id'\ntR0${'(0'.repeat(2_000_000)}.`;
    expect(sniff(long)).toBe('pickle');
    expect(sniff('(0'.repeat(2_000_000))).not.toBe('pickle');
  });

  it('ends on any bytes', () => {
    const wholes = [
      savedModel({ metaGraphs: [{ nodes }] }),
      graphDef(nodes),
      zipOf([{ name: 'a', content: 'x' }]),
      padded(hex('1c000000 54464c33')),
    ];
    const mutated = fc
      .tuple(fc.constantFrom(...wholes), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 }))
      .map(([whole, changes]) => {
        const bytes = Buffer.from(whole);
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        return bytes;
      });
    const starts = fc.tuple(
      fc.constantFrom('{', 'node {', '\x80\x04', '#!', 'MZ', '\x7fELF', 'c', '('),
      fc.uint8Array({ maxLength: 300 }),
    );
    const prefixed = starts.map(([start, rest]) => Buffer.concat([Buffer.from(start, 'latin1'), rest]));
    fc.assert(
      fc.property(fc.oneof(mutated, prefixed), (bytes) => {
        expect(sniffFormats(sourceOf(bytes)).length).toBeGreaterThan(0);
      }),
      { numRuns: 1500 },
    );
  });
});
