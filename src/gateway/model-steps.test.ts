import { expect, it } from 'vitest';
import { checkConfig } from '../config/load-config.ts';
import { limitsOfNothing } from './model-steps.ts';

it('says which limits are of operations that there are not', () => {
  const ops = { Conv2D: { maxMs: 5n }, Conv2d: { maxMs: 5n } };
  const { models } = checkConfig({ models: [{ name: 'm', path: 'm', unsafeUnsigned: true, limits: { ops } }] }, '.');
  expect(limitsOfNothing(models[0])).toEqual([
    'models.m.limits.ops.Conv2d holds nothing: TensorFlow has no operation of this name',
  ]);
});

it('says nothing of a model without such limits', () => {
  const { models } = checkConfig({ models: [{ name: 'm', path: 'm', unsafeUnsigned: true }] }, '.');
  expect(limitsOfNothing(models[0])).toEqual([]);
});
