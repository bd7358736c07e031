// What the scanner reads, kind by kind: each target makes one damaged model from valid ones. Content decides which reader gets it, so a mutation
// that goes too far is read as something else, or as nothing, which must hold too.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { mutateBytes, mutateJsonText, mutateJsonValue } from './mutations.js';
import { chunkRecords, gzip, joinTar, riegeli, sealTar, sortedTable, tarParts, unzip, zip } from './scan-containers.js';
import { bytesField, FieldPool, mutateTree, numberField, readTree, writeTree } from './scan-protobuf.js';
import { contents, loadSeeds } from './scan-seeds.js';

const once = (make) => {
  let made;
  return () => {
    made ??= make();
    return made;
  };
};

const one = (name, bytes) => ({ target: name, files: { [name]: bytes } });

/** Numbers of a binary format: set to extremes, to offsets inside of the file, or to another number that stands in it. */
export function mutateWords(random, bytes, ranges, changes = 1 + random.below(6)) {
  const copy = Buffer.from(bytes);
  for (let count = changes; count > 0; count--) {
    const [start, end] = ranges === undefined || ranges.length === 0 ? [0, copy.length] : random.of(ranges);
    const width = random.of([1, 2, 4, 4, 8]);
    const step = random.below(4) === 0 ? 1 : Math.min(width, 4);
    const at = start + Math.floor(random.below(Math.max(end - start, 1)) / step) * step;
    if (at + width > copy.length) continue;
    const from = random.below(copy.length - width + 1);
    const write = (value) => copy.writeUIntLE(value % 2 ** (8 * Math.min(width, 6)), at, Math.min(width, 6));
    const change = random.below(7);
    if (change === 0) copy.fill(0xff, at, at + width);
    else if (change === 1) copy.fill(0, at, at + width);
    else if (change === 2) write(random.below(copy.length + 1));
    else if (change === 3) copy.copy(copy, at, from, from + width);
    else if (change === 4) write(2 ** (8 * Math.min(width, 4) - 1) - random.below(2));
    else if (change === 5) write(copy.readUIntLE(at, Math.min(width, 6)) + random.of([1, 255, 4, 8, 2 ** 20]));
    else copy[at] = random.below(256);
  }
  return copy;
}

function mutateTextTokens(random, bytes, pieces) {
  const tokens = bytes.toString('latin1').match(/"(?:[^"\\]|\\.)*"|[A-Za-z0-9_.+-]+|\s+|./gs) ?? [];
  for (let count = 1 + random.below(4); count > 0; count--) {
    const at = random.below(tokens.length + 1);
    const piece = random.below(3) === 0 ? random.of(pieces) : (tokens[random.below(tokens.length)] ?? '');
    tokens.splice(at, random.below(3), ...new Array(random.below(20) === 0 ? 2000 : 1).fill(piece));
  }
  return Buffer.from(tokens.join(''), 'latin1');
}

const textPieces = [
  '{',
  '}',
  '<',
  '>',
  '[',
  ']',
  ':',
  ';',
  ',',
  '"',
  "'",
  '\\',
  '#',
  '-',
  '1e999',
  '0x',
  '18446744073709551616',
  'nan',
  'node {',
  '"\\377"',
  '\0',
  '[type.googleapis.com/x] {',
  'tensor_content:',
];

const parseJson = (bytes) => {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
};

function jsonTexts(value, found = []) {
  if (typeof value === 'string') found.push(value);
  else if (typeof value === 'object' && value !== null) for (const inner of Object.values(value)) jsonTexts(inner, found);
  return found;
}

const nastyTexts = [
  'Lambda',
  'builtins',
  'os',
  'keras.utils',
  'get_file',
  '__lambda__',
  '/etc/passwd',
  '../x',
  'http://x/',
  '__class__',
  '',
  '[',
  '{"class_name":"Lambda"}',
  '4wEAAAAA\n',
  'k'.repeat(5000),
];

function mutateJson(random, value, texts) {
  if (random.below(4) === 0) return mutateJsonText(random, Buffer.from(JSON.stringify(value)));
  let copy = mutateJsonValue(random, value);
  for (let count = random.below(4); count > 0; count--)
    copy = replaceText(random, copy, random.below(3) === 0 ? random.of(nastyTexts) : random.of(texts));
  if (random.below(30) === 0) {
    const depth = random.of([50, 600, 20_000]);
    const [open, close] = random.of([
      ['[', ']'],
      ['{"config":', '}'],
      ['{"layers":[', ']}'],
    ]);
    return Buffer.from(open.repeat(depth) + JSON.stringify(copy) + close.repeat(depth));
  }
  return Buffer.from(JSON.stringify(copy));
}

function replaceText(random, value, text) {
  const places = [];
  const walk = (parent) => {
    for (const [key, inner] of Object.entries(parent)) {
      if (typeof inner === 'string' || typeof inner === 'number') places.push([parent, key]);
      else if (typeof inner === 'object' && inner !== null) walk(inner);
    }
  };
  if (typeof value !== 'object' || value === null) return value;
  walk(value);
  if (places.length === 0) return value;
  const [parent, key] = random.of(places);
  parent[key] = random.below(4) === 0 ? random.of([0, -1, 1e308, 2 ** 53, [text], { [text]: text }, null]) : text;
  return value;
}

/** Targets by name. The first is dist/model/index.js, `root` this repository; `random` chooses the seeds. */
export function makeScanTargets({ maskedCrc32c, readSortedTable }, root, random) {
  const seeds = loadSeeds(root, random);
  // Only one target is used at a time: what others need is not made.
  const graphParts = once(() => {
    const folders = seeds.filter(({ files }) => files['saved_model.pb'] !== undefined);
    const pool = new FieldPool();
    const trees = folders.map(({ files }) => readTree(files['saved_model.pb'])).filter((tree) => tree !== undefined);
    for (const tree of trees) pool.add(tree);
    const ops = Object.keys(JSON.parse(readFileSync(join(root, 'data/tensorflow-ops.json'), 'utf8')).ops);
    pool.addTexts([
      ...ops.slice(0, 2000),
      '^x',
      'x:1',
      '/etc/passwd',
      '../x',
      'x:',
      ':0',
      'x:y:999999999999',
      '__inference_',
      '\0',
    ]);
    const metaGraphs = trees
      .flatMap((tree) => tree.filter(({ number }) => number === 2))
      .filter(({ children }) => children !== undefined);
    const graphs = metaGraphs
      .flatMap(({ children }) => children.filter(({ number }) => number === 2))
      .filter(({ children }) => children !== undefined);
    const ownGraphs = contents(seeds, ['graphdef'], /pb$|bin$/)
      .map((bytes) => readTree(bytes))
      .filter((tree) => tree !== undefined);
    for (const tree of ownGraphs) pool.add(tree, '.2.2');
    const ownMetaGraphs = contents(seeds, ['metagraph', 'checkpoint'], /meta$|pb$/)
      .map((bytes) => readTree(bytes))
      .filter((tree) => tree !== undefined);
    for (const tree of ownMetaGraphs) pool.add(tree, '.2');
    const graphTrees = [...ownGraphs, ...graphs.map(({ children }) => children)];
    const metaTrees = [...ownMetaGraphs, ...metaGraphs.map(({ children }) => children)];
    return { folders, pool, trees, graphTrees, metaTrees };
  });
  const message = (random, list, root, gentle) => {
    const { pool } = graphParts();
    const tree = random.of(list);
    if (!gentle && random.below(4) === 0) return mutateBytes(random, writeTree(tree), writeTree(random.of(list)));
    return writeTree(
      mutateTree(random, tree, pool, { root, gentle, count: gentle ? 1 + random.below(30) : 1 + random.below(6) }),
    );
  };

  const texts = contents(seeds, ['graphdef', 'savedmodel', 'metagraph'], /pbtxt$/);
  const tableParts = once(() => {
    const tables = seeds.flatMap(({ files }) =>
      Object.entries(files)
        .filter(([name]) => name.endsWith('.index'))
        .map(([name, index]) => ({
          name: name.slice(name.lastIndexOf('/') + 1, -6),
          index,
          data: files[`${name.slice(0, -6)}.data-00000-of-00001`] ?? Buffer.alloc(0),
        })),
    );
    for (const table of tables) {
      try {
        table.entries = [...readSortedTable('seed', table.index)].map(({ key, value }) => [Buffer.from(key), Buffer.from(value)]);
      } catch {
        table.entries = [];
      }
    }
    const tablePool = new FieldPool();
    for (const { entries } of tables) for (const [, value] of entries) tablePool.add(readTree(value) ?? []);
    return { tables, tablePool };
  });
  const mutateEntries = (random, entries) => {
    const { tablePool } = tableParts();
    const copy = entries.map((entry) => [...entry]);
    for (let count = 1 + random.below(4); count > 0 && copy.length > 0; count--) {
      const at = random.below(copy.length);
      const tree = readTree(copy[at][1]);
      const choice = random.below(6);
      if (choice === 0) copy.splice(at, 1);
      else if (choice === 1) copy[at][0] = mutateBytes(random, copy[at][0]);
      else if (choice === 2) copy.splice(at, 0, ...new Array(random.of([1, 2, 500])).fill(copy[at]));
      else if (tree !== undefined) copy[at][1] = writeTree(mutateTree(random, tree, tablePool, { count: 1 + random.below(2) }));
      else copy[at][1] = mutateBytes(random, copy[at][1]);
    }
    return random.below(3) === 0 ? copy : copy.sort(([a], [b]) => Buffer.compare(a, b));
  };
  const slice = bytesField(1, Buffer.concat([numberField(1, 0), numberField(2, 4)]));
  const oldTensor = Buffer.concat([
    bytesField(1, 'a'),
    bytesField(2, bytesField(2, numberField(1, 4))),
    numberField(3, 1),
    bytesField(4, slice),
  ]);
  const oldEntries = [
    [
      Buffer.alloc(0),
      bytesField(1, Buffer.concat([bytesField(1, oldTensor), bytesField(1, oldTensor), bytesField(2, numberField(1, 1))])),
    ],
    [
      Buffer.from('\0a\0\x01\x01', 'latin1'),
      bytesField(2, Buffer.concat([bytesField(1, 'a'), bytesField(2, slice), bytesField(3, bytesField(5, Buffer.alloc(16)))])),
    ],
  ];
  const states = contents(seeds, ['checkpoint'], /^checkpoint$/);
  states.push(
    Buffer.from('model_checkpoint_path: "ckpt-1"\nall_model_checkpoint_paths: "ckpt-1"\nall_model_checkpoint_timestamps: 1.5\n'),
  );
  const smallFiles = seeds
    .flatMap(({ files }) => Object.entries(files))
    .filter(([, bytes]) => bytes.length < 20_000)
    .map(([name, bytes]) => ({ name: name.slice(name.lastIndexOf('/') + 1), bytes }));
  const kerasParts = once(() => {
    const jsons = contents(seeds, ['keras-json'], /json$/)
      .map(parseJson)
      .filter((value) => value !== undefined);
    const jsonStrings = jsons.flatMap((value) => jsonTexts(value));
    const archives = contents(seeds, ['keras'], /keras$/)
      .flatMap((bytes) => {
        try {
          return [unzip(bytes)];
        } catch {
          return [];
        }
      })
      .filter((members) => members.length > 0);
    const archiveConfigs = archives
      .flatMap((members) => members.filter(({ name }) => name === 'config.json'))
      .map(({ bytes }) => parseJson(bytes))
      .filter((value) => value !== undefined);
    const configStrings = [...jsonStrings, ...archiveConfigs.flatMap((value) => jsonTexts(value))];
    const hdf5 = [
      ...contents(seeds, ['h5'], /./),
      ...archives.flatMap((members) => members.filter(({ name }) => name.endsWith('.h5')).map(({ bytes }) => bytes)),
    ].filter((bytes) => bytes.length < 60_000);
    return { jsons, jsonStrings, archives, configStrings, hdf5 };
  });
  const metadata = contents(seeds, ['savedmodel'], /keras_metadata\.pb$/);
  const layer = JSON.stringify({
    name: 'm',
    class_name: 'Sequential',
    config: { layers: [{ class_name: 'Dense', config: { units: 1 } }] },
  });
  metadata.push(
    bytesField(
      1,
      Buffer.concat([numberField(2, 0), bytesField(3, 'root'), bytesField(4, '_tf_keras_sequential'), bytesField(5, layer)]),
    ),
  );
  const tflite = contents(seeds, ['tflite'], /./).filter((bytes) => bytes.length < 60_000);
  const tfjs = seeds.filter(({ kind }) => kind === 'tfjs');
  const members = (random) =>
    Array.from({ length: 1 + random.below(5) }, () => ({
      ...random.of(smallFiles),
      isStored: random.below(2) === 0,
      mode: random.of([0, 0, 0o100644, 0o120777, 0o010644]),
    })).map((member) =>
      random.below(6) === 0
        ? {
            ...member,
            name: random.of([
              '../x',
              '/x',
              'a\0b',
              'C:\\x',
              `${'a/'.repeat(400)}x`,
              '',
              '.',
              'saved_model.pb',
              'config.json',
              'metadata.json',
              member.name,
            ]),
          }
        : member,
    );
  const zipOf = (random) => {
    const { bytes, headers } = zip(members(random));
    return random.below(3) === 0
      ? mutateBytes(random, bytes)
      : random.below(2) === 0
        ? mutateWords(random, bytes, headers, 1 + random.below(3))
        : bytes;
  };
  const tarOf = (random) => {
    const parts = tarParts(
      members(random).map((member) => ({
        ...member,
        type: random.of(['0', '0', '0', '1', '2', '3', '5', 'L', 'K', 'x', 'g', 'S']),
        link: random.of(['', '/etc/passwd', '../x', member.name]),
      })),
    );
    for (let count = random.below(4); count > 0; count--) {
      const part = random.of(parts);
      part.header = mutateWords(random, part.header, [[100, 345]], 1);
      if (random.below(3) > 0) sealTar(part.header);
    }
    return random.below(4) === 0 ? mutateBytes(random, joinTar(parts)) : joinTar(parts);
  };

  const targets = {
    savedModel: (random) => ({
      target: '.',
      files: { ...random.of(graphParts().folders).files, 'saved_model.pb': message(random, graphParts().trees, '', false) },
    }),
    graphDef: (random) => one('graph.pb', message(random, graphParts().graphTrees, '.2.2', false)),
    metaGraph: (random) => one('model.meta', message(random, graphParts().metaTrees, '.2', false)),
    judges: (random) => one('saved_model.pb', message(random, graphParts().trees, '', true)),
    textFormat: (random) =>
      one(
        'graph.pbtxt',
        random.below(3) === 0 ? mutateBytes(random, random.of(texts)) : mutateTextTokens(random, random.of(texts), textPieces),
      ),
    chunked: (random) => one('saved_model.cpb', mutateChunked(random, graphParts())),
    checkpoint: (random) => {
      const { name, index, entries, data } = random.of(tableParts().tables);
      const bytes =
        random.below(4) === 0 ? mutateBytes(random, index) : sortedTable(mutateEntries(random, entries), maskedCrc32c);
      return {
        target: '.',
        files: {
          [`${name}.index`]: bytes,
          [`${name}.data-00000-of-00001`]: random.below(3) === 0 ? mutateBytes(random, data) : data,
        },
      };
    },
    checkpointV1: (random) =>
      one(
        'model.ckpt',
        random.below(5) === 0
          ? mutateBytes(random, sortedTable(oldEntries, maskedCrc32c))
          : sortedTable(mutateEntries(random, oldEntries), maskedCrc32c),
      ),
    checkpointState: (random) =>
      one('checkpoint', mutateTextTokens(random, random.of(states), [...textPieces, 'model_checkpoint_path', '"/x"', '"../x"'])),
    zip: (random) => one('model.zip', zipOf(random)),
    tar: (random) => one('model.tar', tarOf(random)),
    gzip: (random) => {
      const inner = random.below(2) === 0 ? tarOf(random) : random.of(smallFiles).bytes;
      const bytes = Buffer.concat(Array.from({ length: 1 + random.below(3) }, () => gzip(inner, random.of(['', 'x', '../x']))));
      return one('model.tar.gz', random.below(3) === 0 ? bytes : mutateBytes(random, bytes));
    },
    kerasJson: (random) => one('model.json', mutateJson(random, random.of(kerasParts().jsons), kerasParts().jsonStrings)),
    kerasArchive: (random) => {
      const { archives, configStrings } = kerasParts();
      const changed = random.of(archives).map((member) => mutateMember(random, member, configStrings));
      const { bytes, headers } = zip(changed);
      return one('model.keras', random.below(6) === 0 ? mutateWords(random, bytes, headers, 1) : bytes);
    },
    kerasMetadata: (random) => {
      const tree = readTree(random.of(metadata));
      const bytes = writeTree(mutateTree(random, tree, new FieldPool()));
      return {
        target: '.',
        files: { 'keras_metadata.pb': random.below(3) === 0 ? mutateMetadata(random, tree, kerasParts().jsonStrings) : bytes },
      };
    },
    hdf5: (random) => {
      const { hdf5 } = kerasParts();
      return one(
        'model.h5',
        random.below(5) === 0
          ? mutateBytes(random, random.of(hdf5), random.of(hdf5))
          : mutateWords(random, random.of(hdf5), headRanges),
      );
    },
    tflite: (random) =>
      one(
        'model.tflite',
        random.below(5) === 0
          ? mutateBytes(random, random.of(tflite), random.of(tflite))
          : mutateWords(random, random.of(tflite)),
      ),
    tfjs: (random) => {
      const { files } = random.of(tfjs);
      const { configStrings } = kerasParts();
      const model = parseJson(files['model.json'] ?? Buffer.alloc(0)) ?? {};
      return {
        target: '.',
        files: { ...files, 'model.json': mutateJson(random, model, [...jsonTexts(model), ...configStrings.slice(0, 200)]) },
      };
    },
  };
  return targets;
}

/** HDF5 keeps what matters at its beginning more often than not. */
const headRanges = [
  [0, 96],
  [0, 4096],
  [0, 4096],
  [0, 1_000_000],
];

function mutateMember(random, member, texts) {
  const { name, bytes } = member;
  if (random.below(2) === 0) return member;
  if (name.endsWith('.json')) {
    const value = parseJson(bytes);
    return { ...member, bytes: value === undefined ? mutateBytes(random, bytes) : mutateJson(random, value, texts) };
  }
  return { ...member, bytes: random.below(2) === 0 ? mutateWords(random, bytes, [[0, 4096]]) : mutateBytes(random, bytes) };
}

/** The JSON in the nodes of keras_metadata.pb. */
function mutateMetadata(random, tree, texts) {
  const copy = structuredClone(tree);
  for (const node of copy) {
    for (const field of node.children ?? []) {
      const value = field.number === 5 && field.content !== undefined ? parseJson(Buffer.from(field.content)) : undefined;
      if (value !== undefined) field.content = mutateJson(random, value, texts);
    }
  }
  return writeTree(copy);
}

function mutateChunked(random, { trees, pool }) {
  const tree = random.of(trees);
  const chunks = [{ bytes: writeTree(random.below(2) === 0 ? tree : mutateTree(random, tree, pool)) }];
  for (let count = random.below(5); count > 0; count--) {
    const part = random.of(random.of(trees));
    const path = random.of([
      [2, { index: 0 }],
      [2, { index: 0 }, 2],
      [2, { index: 0 }, 2, 1, { index: random.below(5) }],
      [2, { index: 0 }, 2, 1, { index: 0 }, 5, { key: 'value' }, 8],
      [1],
      [2, { index: 2 ** 31 }],
      [],
    ]);
    chunks.push({
      bytes: part.children === undefined ? Buffer.from('x') : writeTree(part.children),
      isBytes: random.below(4) === 0,
      path,
    });
  }
  const isPacked = random.below(2) === 0;
  const { bodies, metadata } = chunkRecords(chunks, isPacked);
  const spoilt =
    random.below(2) === 0
      ? metadata
      : writeTree(mutateTree(random, readTree(metadata) ?? [], pool, { root: '.chunk', count: 1 + random.below(3) }));
  const { bytes } = riegeli([bodies, [spoilt]], isPacked);
  return random.below(3) === 0
    ? mutateWords(random, bytes, [[0, 104]], 1)
    : random.below(4) === 0
      ? mutateBytes(random, bytes)
      : bytes;
}
