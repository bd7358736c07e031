// The two documents about a model: the states of its versions, and its signatures. Their names are chosen by whoever made the model.
import { describe, expect, it } from 'vitest';
import { noContent, plainJail } from '../../tests/support/plain-jail.ts';
import { AirlockError } from '../core/index.ts';
import type { MetaGraphInfo } from '../model/index.ts';
import { ModelWorker, Watchdog } from '../serving/index.ts';
import { ModelVersion } from '../serving/model-version.ts';
import type { Signature, TensorSpec } from '../tensor/index.ts';
import { metadataJson, statusJson } from './model-info.ts';

const spec = (alias: string, shape: readonly number[] | null): TensorSpec => ({
  alias,
  tensorName: `${alias}:0`,
  dtype: 'DT_FLOAT',
  shape,
});

function version(number: bigint, signatures: readonly Signature[] = [], beforeStart?: () => Promise<void>): ModelVersion {
  const metaGraph: MetaGraphInfo = {
    tags: ['serve'],
    tensorflowVersion: '2.21.0',
    assetFiles: [],
    restoresVariables: false,
    signatures,
  };
  const worker = new ModelWorker({
    slot: { ccPath: '/nonexistent/cc', frameworkPath: '/nonexistent/framework' },
    jail: plainJail(),
    watchdog: new Watchdog(),
    content: noContent,
    signatures,
    ...(beforeStart === undefined ? {} : { beforeStart }),
  });
  return new ModelVersion(number, metaGraph, worker, signatures);
}

describe('statusJson', () => {
  it('gives the state of each version, in the order of the list, with numbers as text', async () => {
    const failed = version(2n ** 63n - 1n, [], () => {
      throw new AirlockError('MODEL_INVALID', { message: 'broken', detail: '/srv/secret' });
    });
    await failed.load();
    const fresh = version(1n);
    expect(JSON.parse(statusJson([failed, fresh]))).toEqual({
      model_version_status: [
        {
          version: '9223372036854775807',
          state: 'END',
          status: { error_code: 'FAILED_PRECONDITION', error_message: 'broken' },
        },
        { version: '1', state: 'START', status: { error_code: 'OK', error_message: '' } },
      ],
    });
    await fresh.unload();
    expect(JSON.parse(statusJson([fresh]))).toMatchObject({
      model_version_status: [{ state: 'END', status: { error_code: 'OK' } }],
    });
  });

  it('is an empty list without versions', () => {
    expect(statusJson([])).toBe('{"model_version_status":[]}');
  });
});

describe('metadataJson', () => {
  it('tells a scalar from a tensor of unknown rank', () => {
    const signatures: readonly Signature[] = [
      {
        name: 's',
        methodName: 'tensorflow/serving/predict',
        inputs: [spec('any', null), spec('scalar', [])],
        outputs: [spec('y', [-1, 3])],
      },
    ];
    expect(JSON.parse(metadataJson('m', version(7n, signatures)))).toEqual({
      model_spec: { name: 'm', signature_name: '', version: '7' },
      metadata: {
        signature_def: {
          signature_def: {
            s: {
              inputs: {
                any: { dtype: 'DT_FLOAT', tensor_shape: { dim: [], unknown_rank: true }, name: 'any:0' },
                scalar: { dtype: 'DT_FLOAT', tensor_shape: { dim: [], unknown_rank: false }, name: 'scalar:0' },
              },
              outputs: {
                y: {
                  dtype: 'DT_FLOAT',
                  tensor_shape: {
                    dim: [
                      { size: '-1', name: '' },
                      { size: '3', name: '' },
                    ],
                    unknown_rank: false,
                  },
                  name: 'y:0',
                },
              },
              method_name: 'tensorflow/serving/predict',
              defaults: {},
            },
          },
        },
      },
    });
  });

  it('writes names like __proto__ as any other', () => {
    const signatures: readonly Signature[] = [
      { name: '__proto__', methodName: '', inputs: [spec('__proto__', [])], outputs: [spec('constructor', [])] },
    ];
    const text = metadataJson('m', version(1n, signatures));
    expect(text).toContain('"signature_def":{"__proto__":{"inputs":{"__proto__":{"dtype"');
    expect(text).toContain('"outputs":{"constructor":{"dtype"');
  });
});
