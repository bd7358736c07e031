// Models that no exporter writes: versions, tags, fields and names that loaders refuse or read differently.
import { describe, expect, it } from 'vitest';
import {
  attrInt,
  attrString,
  attrType,
  constFloats,
  constString,
  field,
  graphDef,
  message,
  metaGraph,
  placeholder,
  varintField,
} from '../../../tests/support/graph-builder.ts';
import { answering, call, identity, judgeGraph, judgeModel, refusing } from '../../../tests/support/hazard-cases.ts';
import { recordingContext } from '../../../tests/support/recording-context.ts';
import { readSavedModelPrograms } from '../graph/index.ts';

const float = { T: attrType('DT_FLOAT') };
const rules = (texts: readonly string[]): readonly string[] => texts.map((text) => text.split(':')[0] ?? '');

describe('the versions of a graph', () => {
  const judged = (versions: Uint8Array) => {
    const graph = message(graphDef([constString('out', 'a')]), field(4, versions));
    return refusing(judgeModel(answering([], { graph })).findings);
  };

  it('are a finding where TensorFlow refuses them or nothing writes them', () => {
    expect(judged(varintField(2, 2475))[0]).toContain('min_consumer 2475');
    expect(judged(message(varintField(1, 2474), field(3, Uint8Array.from([0xaa, 0x13]))))[0]).toContain(
      'bad_consumers with 2474',
    );
    expect(judged(varintField(1, 2 ** 31 - 1))[0]).toContain('producer 2147483647');
    expect(judged(varintField(1, -5n))[0]).toContain('producer -5');
  });

  it('are nothing where an older or newer TensorFlow wrote them', () => {
    expect([judged(varintField(1, 27)), judged(message(varintField(1, 3100), varintField(2, 12)))].flat()).toEqual([]);
  });
});

describe('a saved_model.pb', () => {
  const differences = (bytes: Buffer) =>
    readSavedModelPrograms(bytes, 's.pb', recordingContext()).flatMap(({ differentials }) => [...differentials]);
  const one = field(2, metaGraph({ nodes: [placeholder('x')] }));

  it('says which bytes no TensorFlow reads, and passes over zeros', () => {
    expect(differences(message(varintField(1, 1), one, field(1023, 'hello')))).toEqual([
      '5 bytes lie in field 1023 of the SavedModel, which no TensorFlow reads: "hello"',
    ]);
    expect(differences(message(varintField(1, 1), one, field(9, new Uint8Array(8))))).toEqual([]);
  });

  it('says which MetaGraphs have the same tags', () => {
    const [serve, gpu] = [['serve'], ['gpu', 'serve']].map((tags) => field(2, metaGraph({ tags, nodes: [placeholder('x')] })));
    const again = field(2, metaGraph({ tags: ['serve', 'gpu'], nodes: [placeholder('x')] }));
    expect(differences(message(serve, gpu))).toEqual([]);
    expect(differences(message(serve, gpu, again))).toEqual(['two MetaGraphs have the same tags: "gpu,serve"']);
  });
});

describe('signatures', () => {
  const fed = (op: string, inputs: readonly string[]) =>
    refusing(
      judgeModel({
        nodes: [
          placeholder('x'),
          { name: 'n', op, inputs, attrs: float },
          { name: 'out', op: 'Abs', inputs: ['n'], attrs: float },
        ],
        signatures: { s: { inputs: { x: 'n:0' }, outputs: { y: 'out:0' } } },
      }).findings,
    );

  it('that feed the result of a layer are a finding, and those that feed a copy or scaled pixels are none', () => {
    expect(fed('Relu', ['x'])[0]).toContain('input x is the result of Relu "n"');
    expect(rules(fed('Minimum', ['x', 'x']))).toEqual(['medium contract/input-not-placeholder']);
    expect([fed('Identity', ['x']), fed('Sub', ['x', 'x'])].flat()).toEqual([]);
  });

  it('name the path that an input has by default', () => {
    const preset = field(2, field(8, '/data/secret.txt'));
    const model = answering([placeholder('p', 'DT_STRING', []), { name: 'out', op: 'ReadFile', inputs: ['p'], attrs: {} }], {
      signatures: {},
      extra: field(
        5,
        message(
          field(1, 'serving_default'),
          field(
            2,
            message(
              field(1, message(field(1, 'path'), field(2, message(field(1, 'p:0'), varintField(2, 7))))),
              field(2, message(field(1, 'y'), field(2, message(field(1, 'out:0'), varintField(2, 7))))),
              field(4, message(field(1, 'path'), preset)),
            ),
          ),
        ),
      ),
    });
    expect(refusing(judgeModel(model).findings)[0]).toContain('/data/secret.txt (by default)');
  });
});

describe('what loaders run by name', () => {
  it('must be there', () => {
    const nodes = [constString('out', 'a'), { name: 'init', op: 'NoOp' }];
    const judged = (collections: Record<string, readonly string[]>, restoreOp: string) =>
      refusing(judgeModel(answering(nodes, { collections, saver: { restoreOp } })).findings);
    expect(judged({ saved_model_main_op: ['init'] }, 'init')).toEqual([]);
    expect(judged({ legacy_init_op: ['lost'] }, '')[0]).toContain('legacy_init_op names the operation lost');
    expect(judged({}, 'save/lost')[0]).toContain('restore_op_name names the operation save/lost');
  });
});

describe('nodes', () => {
  const form = (node: Parameters<typeof judgeGraph>[0][number]) => refusing(judgeGraph([constFloats('c', 1), node]).findings);
  const ints = (...values: readonly number[]) => field(1, message(...values.map((value) => varintField(3, value))));
  const pool = (attrs: Record<string, Uint8Array>) =>
    form({ name: 'n', op: 'MaxPool', inputs: ['c'], attrs: { ...float, ...attrs } });
  const good = { strides: ints(1, 1, 1, 1), ksize: ints(1, 2, 2, 1), padding: attrString('SAME') };

  it('need their windows, which move on, and a padding that is known', () => {
    expect(pool(good)).toEqual([]);
    expect(pool({ ksize: good.ksize, padding: good.padding })[0]).toContain('has no attribute strides');
    expect(pool({ ...good, strides: ints(1, 0, 1, 1) })[0]).toContain('has 0 in strides');
    expect(pool({ ...good, padding: attrString('EVIL') })[0]).toContain('has the padding EVIL');
  });

  it('take outputs that are there', () => {
    expect(rules(form(identity('n', 'c:1', 'DT_FLOAT')))).toEqual(['medium malformed/inputs']);
    const split = { name: 's', op: 'Split', inputs: ['c', 'c'], attrs: { ...float, num_split: attrInt(3) } };
    const judged = (input: string) =>
      refusing(judgeGraph([constFloats('c', 1), split, identity('n', input, 'DT_FLOAT')]).findings);
    expect([judged('s:2'), rules(judged('s:3'))]).toEqual([[], ['medium malformed/inputs']]);
  });

  it('of functions make what the function gives back', () => {
    const lost = { name: 'f', args: ['x'], outputs: ['y'], nodes: [], ret: { y: 'lost:z:0' } };
    expect(refusing(judgeGraph([constFloats('c', 1)], [lost]).findings)[0]).toContain('the function f gives back lost:z:0');
  });
});

describe('calls', () => {
  const chain = (count: number) => {
    const functions = Array.from({ length: count }, (_, at) => ({
      name: `f${at}`,
      args: ['x'],
      outputs: ['y'],
      nodes: at === 0 ? [] : [call('c', `f${at - 1}`, ['x'], ['DT_FLOAT'], ['DT_FLOAT'])],
      ret: { y: at === 0 ? 'x' : 'c:output:0' },
    }));
    const out = call('out', `f${count - 1}`, ['x'], ['DT_FLOAT'], ['DT_FLOAT']);
    return refusing(judgeGraph([placeholder('x'), out], functions).findings);
  };

  it('that are a thousand functions deep are a finding', () => {
    expect([rules(chain(1100)), chain(60)]).toEqual([['medium crash/deep-calls'], []]);
  });
});
