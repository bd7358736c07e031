// What the sections about recordings and rehearsals take, and what they refuse.
import { describe, expect, it } from 'vitest';
import { isAirlockError } from '../core/index.ts';
import { checkConfig } from './load-config.ts';
import { defaultRehearsalConfig } from './rehearsal-schema.ts';

const recipient = 'age12qvh4tja6wrn0yc037qjlskpxz30t0d54zcgjx6x83rsh75qayrsaf5ewc';
const load = (model: object, rest: object = {}) =>
  checkConfig({ ...rest, models: [{ name: 'm', path: 'm', unsafeUnsigned: true, ...model }] }, '/base');

function placesOf(make: () => unknown): readonly string[] {
  try {
    make();
  } catch (thrown) {
    if (isAirlockError(thrown)) return thrown.violations.map(({ path }) => path);
    throw thrown;
  }
  return [];
}

describe('recording', () => {
  it('needs both sections, and has bounds by default', () => {
    expect(load({}).recording).toBeUndefined();
    const { recording, models } = load({ recording: {} }, { recording: { recipients: [recipient] } });
    expect(recording).toEqual({ recipients: [recipient], maxMiB: 256, keepFor: 30 * 86_400_000, maxSamplePercent: 10 });
    expect(models[0].recording).toEqual({ redact: [] });
    expect(placesOf(() => load({ recording: {} }))).toEqual(['models[0].recording']);
  });

  it.each([
    [{ recipients: [] }, 'recording.recipients'],
    [{ recipients: ['age1x'] }, 'recording.recipients[0]'],
    [{ recipients: [recipient.toUpperCase()] }, 'recording.recipients[0]'],
    [{ recipients: [recipient, recipient] }, 'recording.recipients[1]'],
    [{ recipients: [recipient], maxSamplePercent: 0 }, 'recording.maxSamplePercent'],
    [{ recipients: [recipient], maxSamplePercent: 100.5 }, 'recording.maxSamplePercent'],
    [{ recipients: [recipient], keepFor: '0d' }, 'recording.keepFor'],
    [{ recipients: [recipient], maxMiB: 0n }, 'recording.maxMiB'],
    [{ recipients: [recipient], recepients: [] }, 'recording.recepients'],
  ])('refuses %o', (recording, place) => {
    expect(placesOf(() => load({}, { recording }))).toEqual([place]);
  });
});

describe('rehearsal', () => {
  it('takes tolerances for one output, and resolves the file', () => {
    const { rehearsal } = load({
      rehearsal: { golden: 'g.jsonl', tolerance: { absolute: 0n, outputs: { y: { relative: 0.5 } } } },
    }).models[0];
    expect(rehearsal.golden).toBe('/base/g.jsonl');
    expect(rehearsal.tolerance).toEqual({ absolute: 0, relative: 1e-4, outputs: { y: { absolute: 0, relative: 0.5 } } });
    expect(load({}).models[0].rehearsal).toEqual(defaultRehearsalConfig);
  });

  it.each([
    [{ tolerance: { absolute: -1n } }, 'models[0].rehearsal.tolerance.absolute'],
    [{ tolerance: { relative: Number.NaN } }, 'models[0].rehearsal.tolerance.relative'],
    [{ tolerance: { outputs: { y: { ratio: 1n } } } }, 'models[0].rehearsal.tolerance.outputs.y.ratio'],
    [{ maxLatencyRatio: 0.5 }, 'models[0].rehearsal.maxLatencyRatio'],
    [{ maxMemoryRatio: 0n }, 'models[0].rehearsal.maxMemoryRatio'],
    [{ maxClassFlipPercent: 101n }, 'models[0].rehearsal.maxClassFlipPercent'],
  ])('refuses %o', (rehearsal, place) => {
    expect(placesOf(() => load({ rehearsal }))).toEqual([place]);
  });
});
