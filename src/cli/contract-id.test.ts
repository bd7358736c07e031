import { describe, expect, it } from 'vitest';
import { idOfFile, idOfModel } from './contract-id.ts';

describe('the id that a contract gets by itself', () => {
  it.each([
    ['/models/credit', 'credit'],
    ['/models/credit/7', 'credit'],
    ['/models/a b\n', 'a_b_'],
    ['/7', 'model'],
    [`/${'x'.repeat(200)}`, 'x'.repeat(128)],
  ])('is of the model %j: %s', (directory, id) => {
    expect(idOfModel(directory)).toBe(id);
  });

  it.each([
    ['data/schema.pbtxt', 'schema'],
    ['é.pb', '_'],
    ['.pb', 'imported'],
  ])('is of the file %j: %s', (file, id) => {
    expect(idOfFile(file)).toBe(id);
  });
});
