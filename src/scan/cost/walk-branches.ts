// If and Case: the dearer branch counts, of work and of memory each.
import { coveringSize, joinValues, type Size, zeroSize } from '../values/index.ts';
import { newTotals } from './cost-ledger.ts';
import { type Flow, Region } from './flow-types.ts';
import { joinLists } from './list-flows.ts';
import { coveredPeak } from './peak-memory.ts';
import { type CallSite, type Frame, flowBytes, foreign, unknownFlow, type Walker } from './walk-types.ts';

export function walkBranches(walk: Walker, { body, node, inputs, controls, frame, calls }: CallSite): readonly Flow[] {
  let [flops, bytes, memory]: [Size | undefined, Size | undefined, Size | undefined] = [zeroSize, zeroSize, zeroSize];
  const results: (readonly Flow[])[] = [];
  for (const { callee } of calls) {
    const inner: Frame = { region: new Region(), totals: newTotals(), runs: frame.runs };
    const entry = inner.region.addEntry();
    const args = inputs.slice(1).map((flow) => ({ ...foreign(flow), after: [entry] }));
    const returned = walk.call(callee, args, inner, { body, node });
    for (const flow of returned) inner.region.keep(flow);
    flops = coveringSize(flops, inner.totals.flops.total);
    bytes = coveringSize(bytes, inner.totals.bytes.total);
    memory = coveringSize(memory, coveredPeak(inner.region, walk.work));
    results.push(returned);
  }
  const { region, totals } = frame;
  totals.flops.add(flops);
  totals.bytes.add(bytes);
  if (memory === undefined) walk.gap(body, node, 'shape');
  const item = region.addItem([...inputs.flatMap((flow) => flow.after), ...controls]);
  for (const flow of inputs) region.consume(flow, item);
  if (memory !== undefined && memory.terms.length > 0) region.addBuffer(item, memory);
  const kept = [...new Set(inputs.flatMap((flow) => flow.buffers))];
  return (results[0] ?? []).map((_, output) => joined(results, output, kept, item, region));
}

function joined(
  results: readonly (readonly Flow[])[],
  output: number,
  kept: readonly number[],
  item: number,
  region: Region,
): Flow {
  const flows = results.map((returned) => returned[output] ?? unknownFlow);
  const value = flows.map((flow) => flow.value).reduce(joinValues);
  const list = flows.map((flow) => flow.list).reduce(joinLists);
  const longest = flows.map((flow) => flow.text?.longest).reduce((a, b) => coveringSize(a, b));
  const total = flows.map((flow) => flow.text?.total).reduce((a, b) => coveringSize(a, b));
  const flow: Flow = {
    value,
    buffers: kept,
    after: [item],
    ...(list === undefined ? {} : { list }),
    ...(value.dtype === 7 ? { text: { total, longest } } : {}),
  };
  const bytes = flowBytes(flow);
  return bytes === undefined ? flow : { ...flow, buffers: [...kept, region.addBuffer(item, bytes)] };
}
