import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BoundedTable } from './bounded-table.ts';

interface Debt {
  units: number;
}

const newTable = (max: number) => new BoundedTable<Debt>(max, ({ units }) => units);

describe('BoundedTable', () => {
  it('never remembers more than it may, and never forgets the largest debt', () => {
    const step = fc.tuple(fc.nat(30), fc.integer({ min: 0, max: 99 }));
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 31 }), fc.array(step, { maxLength: 200 }), (max, steps) => {
        const table = newTable(max);
        table.put('debtor', { units: 1_000 }, 0);
        for (const [name, units] of steps) {
          const entry = table.take(`c${name}`) ?? { units: 0 };
          entry.units = units;
          table.put(`c${name}`, entry, 0);
          expect(table.size).toBeLessThanOrEqual(max);
        }
        // Alone in the table, it makes room for whoever comes.
        if (max > 1) expect(table.take('debtor')?.units).toBe(1_000);
      }),
    );
  });

  it('hands out each entry once', () => {
    const table = newTable(3);
    table.put('a', { units: 1 }, 0);
    expect(table.take('a')).toEqual({ units: 1 });
    expect(table.take('a')).toBeUndefined();
    expect(table.size).toBe(0);
  });
});
