import { describe, expect, it } from 'vitest';
import { ClientTable } from './client-table.ts';

const limit = { unitsPerSecond: 1, burst: 100 };
const slow = { freeViolations: 3, penaltyUnits: 10, maxDebtUnits: 500, forgetAfterMs: 60_000 };

describe('ClientTable', () => {
  it('never remembers more clients than it may', () => {
    const table = new ClientTable(limit, 50);
    for (let i = 0; i < 1_000; i++) table.client(`c${i % 300}`, i).bucket.spend(i % 7);
    expect(table.size).toBe(50);
  });

  it('forgets first who has nothing to lose', () => {
    const table = new ClientTable(limit, 3);
    table.client('debtor', 0).bucket.spend(90);
    table.client('full', 0);
    table.client('other', 0).bucket.spend(10);
    table.client('new', 0);
    expect(table.client('debtor', 0).bucket.available(0)).toBe(10);
    expect(table.client('other', 0).bucket.available(0)).toBe(90);
  });

  it('does not forget a debt for a crowd of new addresses that owe less', () => {
    const table = new ClientTable(limit, 20);
    table.client('violator', 0).bucket.penalize(1_000, 500, 0);
    for (let i = 0; i < 10_000; i++) table.client(`crowd${i}`, 0).bucket.spend(100);
    expect(table.client('violator', 0).bucket.available(0)).toBe(-400 - 100);
    expect(table.size).toBe(20);
  });

  it('forgives single mistakes, and makes a row of them twice as dear each time, up to the debt', () => {
    const client = new ClientTable(limit, 1).client('c', 0);
    const after: number[] = [];
    for (let i = 0; i < 12; i++) {
      client.violated(slow, 0);
      after.push(client.bucket.available(0));
    }
    expect(after).toEqual([100, 100, 100, 90, 70, 30, -50, -210, -500, -500, -500, -500]);
  });

  it('forgets half of the violations in the time that it is told', () => {
    const client = new ClientTable(limit, 1).client('c', 0);
    for (let i = 0; i < 8; i++) client.violated({ ...slow, penaltyUnits: 0 }, 0);
    expect(client.violations(60_000, 60_000)).toBeCloseTo(4);
    expect(client.violations(60_000, 120_000)).toBeCloseTo(2);
    expect(client.bucket.available(120_000)).toBe(100);
  });

  it('hurts nobody who makes a mistake now and then', () => {
    const client = new ClientTable(limit, 1).client('c', 0);
    for (let i = 1; i <= 50; i++) client.violated(slow, i * 40_000);
    expect(client.bucket.missing(50 * 40_000)).toBe(0);
  });
});
