// Who fills what somebody else waits for. Facts only.

export interface BlockingPair {
  readonly what: string;
  readonly takes: ReadonlySet<string>;
  readonly gives: ReadonlySet<string>;
  /** True when there is no handle and only the shared name says which one is meant. */
  readonly isByName: boolean;
}

const set = (text: string): ReadonlySet<string> => new Set(text.split(' '));

export const blockingPairs: readonly BlockingPair[] = [
  {
    what: 'queue',
    takes: set('QueueDequeue QueueDequeueV2 QueueDequeueMany QueueDequeueManyV2 QueueDequeueUpTo QueueDequeueUpToV2'),
    gives: set('QueueEnqueue QueueEnqueueV2 QueueEnqueueMany QueueEnqueueManyV2'),
    isByName: false,
  },
  { what: 'barrier', takes: set('BarrierTakeMany'), gives: set('BarrierInsertMany'), isByName: false },
  { what: 'staging area', takes: set('Unstage StagePeek'), gives: set('Stage'), isByName: true },
  { what: 'staging map', takes: set('MapUnstage MapUnstageNoKey MapPeek'), gives: set('MapStage'), isByName: true },
  {
    what: 'ordered staging map',
    takes: set('OrderedMapUnstage OrderedMapUnstageNoKey OrderedMapPeek'),
    gives: set('OrderedMapStage'),
    isByName: true,
  },
  {
    what: 'accumulator',
    takes: set('AccumulatorTakeGradient ResourceAccumulatorTakeGradient SparseAccumulatorTakeGradient'),
    gives: set('AccumulatorApplyGradient ResourceAccumulatorApplyGradient SparseAccumulatorApplyGradient'),
    isByName: false,
  },
];

export const takingOps: readonly string[] = blockingPairs.flatMap(({ takes }) => [...takes]);
export const givingOps: readonly string[] = blockingPairs.flatMap(({ gives }) => [...gives]);
