// Paths: what is read or written, whose file it is, and who chooses it.
import { describe, expect, it } from 'vitest';
import { attrString, attrStrings, attrType, constString, placeholder } from '../../../tests/support/graph-builder.ts';
import { answering, byRule, identity, judgeGraph, judgeModel, refusing } from '../../../tests/support/hazard-cases.ts';

const readFile = (path: string) => answering([constString('path', path), { name: 'out', op: 'ReadFile', inputs: ['path'] }]);

describe('a file that is read', () => {
  it('is a critical finding where its content gets into an answer, and says which file, node and signature', () => {
    const { findings } = judgeModel(readFile('/etc/passwd'));
    expect(refusing(findings)).toEqual([
      'critical file-read/op: ReadFile "out" reads /etc/passwd when signature serving_default is called',
    ]);
    const [finding] = byRule(findings, 'file-read/op');
    expect(finding).toMatchObject({
      trigger: 'inference',
      location: { file: 'saved_model.pb', metaGraph: 'serve', node: 'out', op: 'ReadFile' },
      argument: { name: 'filename', value: '/etc/passwd', origin: 'constant-outside' },
    });
    expect(finding?.chain[0]?.via).toBe('signature serving_default');
  });

  it.each(['../../../etc/hostname', 'secrets.txt', 'file:///etc/passwd', 'assets/../../x'])('is a finding at %s', (path) => {
    expect(refusing(judgeModel(readFile(path), { assets: new Set(['vocab.txt']) }).findings)).toHaveLength(1);
  });

  it('is nothing where it is an asset by its relative name, or nothing at all', () => {
    const assets = new Set(['vocab.txt', 'assets/vocab.txt']);
    for (const path of ['vocab.txt', 'assets/vocab.txt', './assets/vocab.txt', '']) {
      expect(refusing(judgeModel(readFile(path), { assets }).findings)).toEqual([]);
    }
  });

  it.each(['gs://bucket/x', 's3://bucket/x', 'https://example.com/x', 'hdfs://name/x', 'viewfs://x/y'])(
    'is a network finding at %s',
    (path) => {
      const [finding] = judgeModel(readFile(path)).findings;
      expect(finding).toMatchObject({ ruleId: 'network/remote-path', severity: 'critical', argument: { origin: 'remote' } });
      expect(finding?.message).toContain(`reads ${path} over the network`);
    },
  );

  it('is critical where a request chooses it', () => {
    const { findings } = judgeModel(
      answering([placeholder('x', 'DT_STRING', []), { name: 'out', op: 'ReadFile', inputs: ['x'] }]),
    );
    expect(findings[0]).toMatchObject({
      ruleId: 'file-read/request-path',
      severity: 'critical',
      argument: { origin: 'request' },
    });
  });

  it('says that a device never ends', () => {
    expect(judgeModel(readFile('/dev/zero')).findings[0]?.effect).toContain('never ends');
  });

  it('is of low severity where nothing reaches it', () => {
    const { findings } = judgeModel(
      answering([constString('out', 'x'), constString('path', '/etc/passwd'), { name: 'r', op: 'ReadFile', inputs: ['path'] }]),
    );
    expect(byRule(findings, 'file-read/op')).toMatchObject([{ severity: 'low', trigger: 'none' }]);
  });

  it('is a finding for a constant that calls itself an asset and is read by a call, which gets it as it is', () => {
    const assets = [{ filename: 'vocab.txt', tensorName: 'path:0' }];
    const folder = { assets: new Set(['vocab.txt', 'assets/vocab.txt']) };
    expect(refusing(judgeModel({ ...readFile('/etc/passwd'), assets }, folder).findings)).toHaveLength(1);
  });

  it('is silent for the place of an asset, also through a variable, and a finding for another asset tensor', () => {
    const variable = { dtype: attrType('DT_STRING'), shape: attrString('') };
    const nodes = [
      placeholder('asset', 'DT_STRING', []),
      { name: 'v', op: 'VarHandleOp', attrs: { ...variable, shared_name: attrString('v') } },
      { name: 'assign', op: 'AssignVariableOp', inputs: ['v', 'asset'], attrs: { dtype: attrType('DT_STRING') } },
      { name: 'init', op: 'NoOp', inputs: ['^assign'] },
      { name: 'read', op: 'ReadVariableOp', inputs: ['v'], attrs: { dtype: attrType('DT_STRING') } },
      { name: 'out', op: 'ReadFile', inputs: ['read'] },
    ];
    const ruled = (assets: readonly { filename: string; tensorName: string }[]) =>
      byRule(judgeModel(answering(nodes, { assets })).findings, 'file-read/op').length;
    expect(ruled([{ filename: 'vocab.txt', tensorName: 'asset:0' }])).toBe(0);
    expect(ruled([{ filename: 'vocab.txt', tensorName: 'init:0' }])).toBe(1);
  });
});

describe('files of other operations', () => {
  it.each([
    ['MatchingFiles', { inputs: ['path'] }, 'file-read/listing'],
    ['TextLineDataset', { inputs: ['path', 'path', 'path'] }, 'file-read/op'],
    ['SqlDataset', { inputs: ['path', 'path', 'path'] }, 'file-read/database'],
    ['GenerateVocabRemapping', { inputs: ['path', 'path'] }, 'file-read/op'],
    ['ImmutableConst', { attrs: { memory_region_name: attrString('/etc/passwd') } }, 'file-read/op'],
    ['RecordInput', { attrs: { file_pattern: attrString('/etc/passwd') } }, 'file-read/op'],
    ['FixedUnigramCandidateSampler', { inputs: ['path'], attrs: { vocab_file: attrString('/etc/passwd') } }, 'file-read/op'],
    ['DecodeProtoV2', { inputs: ['path'], attrs: { descriptor_source: attrString('/etc/passwd') } }, 'file-read/op'],
    ['WriteFile', { inputs: ['path', 'path'] }, 'file-write/op'],
    ['SaveDatasetV2', { inputs: ['path', 'path'] }, 'file-write/op'],
    ['CalibrationStatisticsSaver', { attrs: { output_file_path: attrString('/etc/passwd') } }, 'file-write/op'],
    [
      'DumpTensor',
      { inputs: ['path'], attrs: { log_dir_path: attrString('/etc'), file_name: attrString('passwd') } },
      'file-write/op',
    ],
    ['PrintV2', { inputs: ['path'], attrs: { output_stream: attrString('file:///etc/passwd') } }, 'file-write/print'],
    ['DebugIdentityV3', { inputs: ['path'], attrs: { debug_urls: attrStrings(['file:///etc/passwd']) } }, 'file-write/debug'],
    ['DebugIdentity', { inputs: ['path'], attrs: { debug_urls: attrStrings(['grpc:///etc/passwd:1']) } }, 'network/debug'],
    [
      'Copy',
      { inputs: ['path'], attrs: { debug_ops_spec: attrStrings(['DebugIdentity;file:///etc/passwd;0']) } },
      'file-write/debug',
    ],
  ] as const)('%s is found with its path', (op, rest, ruleId) => {
    const { findings } = judgeGraph([constString('path', '/etc/passwd'), { name: 'n', op, ...rest }]);
    const found = byRule(findings, ruleId);
    expect(found).toHaveLength(1);
    expect(found[0]?.message).toContain('/etc/passwd');
    expect(found[0]?.message).toContain(`${op} "n"`);
    expect(refusing(found)).toHaveLength(1);
  });

  it.each([
    ['PrintV2', { inputs: ['x'], attrs: { output_stream: attrString('stderr') } }],
    ['PrintV2', { inputs: ['x'] }],
    ['CacheDatasetV2', { inputs: ['x', 'empty', 'x'] }],
    ['DebugIdentityV2', { inputs: ['x'] }],
    ['FixedUnigramCandidateSampler', { inputs: ['x'], attrs: { vocab_file: attrString('') } }],
    ['DecodeProtoV2', { inputs: ['x'], attrs: { descriptor_source: attrString('local://') } }],
    ['EncodeProto', { inputs: ['x'], attrs: { descriptor_source: attrString('bytes://abc') } }],
    ['ImmutableConst', { attrs: { memory_region_name: attrString('memmapped_package://a') } }],
  ] as const)('%s is silent with ordinary values', (op, rest) => {
    const { findings } = judgeGraph([constString('empty', ''), constString('x', 'x'), { name: 'n', op, ...rest }]);
    expect(findings.filter(({ ruleId }) => /^(?:file|network)/.test(ruleId))).toEqual([]);
  });

  it('is found in the function of a call, with the way to it', () => {
    const { findings } = judgeModel(
      answering([placeholder('x', 'DT_STRING', []), { name: 'out', op: 'f', inputs: ['x'] }], {
        functions: [
          {
            name: 'f',
            args: [{ name: 'a', type: 'DT_STRING' }],
            outputs: [{ name: 'y', type: 'DT_STRING' }],
            nodes: [
              constString('p', '/root/.ssh/id_rsa'),
              { name: 'r', op: 'ReadFile', inputs: ['p:output:0'] },
              identity('i', 'r:contents:0'),
            ],
            ret: { y: 'i:output:0' },
          },
        ],
      }),
    );
    const [finding] = byRule(findings, 'file-read/op');
    expect(finding).toMatchObject({ severity: 'critical', location: { function: 'f', node: 'r' } });
    expect(finding?.chain.map(({ via }) => via)).toEqual(['signature serving_default', 'calls f', 'input']);
  });
});
