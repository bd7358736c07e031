// What becomes of requests whose worker ended before it came to them, with made-up processes.
import { afterEach, describe, expect, it } from 'vitest';
import { floats, signature, spec } from '../../../tests/support/tensors.ts';
import { AirlockError } from '../../core/index.ts';
import { defaultModelWorkerLimits } from './model-worker-options.ts';
import type { PendingRun } from './pending-run.ts';
import { RunPipeline } from './run-pipeline.ts';
import type { WorkerProcess } from './worker-process.ts';

const signatures = [signature([spec('x:0', 'DT_FLOAT')], [spec('y:0', 'DT_FLOAT', [1])])];

class FakeProcess {
  calls: PendingRun[] = [];

  get inFlightCount(): number {
    return this.calls.length;
  }

  get head(): PendingRun | undefined {
    return this.calls[0];
  }

  send(run: PendingRun): void {
    this.calls.push(run);
  }

  takeUnbegun(): PendingRun[] {
    return this.calls.splice(1);
  }
}

const asIs = (error: AirlockError): AirlockError => error;

const pipelines: RunPipeline[] = [];
/** None may come to the deadline of a request that a test left in its process. */
afterEach(() => {
  for (const pipeline of pipelines.splice(0)) pipeline.detach();
});

function make(depth = 2) {
  const limits = { ...defaultModelWorkerLimits, pipelineDepth: depth, fastPipelineDepth: depth };
  const pipeline = new RunPipeline(signatures, limits);
  pipelines.push(pipeline);
  const process = new FakeProcess();
  const asProcess = process as unknown as WorkerProcess<PendingRun>;
  pipeline.attach(asProcess);
  const ask = (deadlineMs = 1_000, onFailure = asIs) =>
    pipeline.run(0, [floats([1], 1)], deadlineMs, onFailure).then(
      () => 'answered',
      ({ code }: AirlockError) => code,
    );
  /** Answers what is in it, until nothing waits. */
  const answerAll = () => {
    for (let head = process.calls.shift(); head !== undefined; head = process.calls.shift()) {
      head.succeed([]);
      pipeline.onAnswer(asProcess);
    }
  };
  return { pipeline, process, ask, answerAll };
}

describe('requests that a worker had not begun', () => {
  it('are taken in their order, sent or waiting, and answered by the next one', async () => {
    const [first, next] = [make(), make()];
    const answers = Array.from({ length: 5 }, () => first.ask());
    const sent = [...first.process.calls];
    const stranded = first.pipeline.takeUnbegun();
    expect(stranded.runs).toHaveLength(4);
    expect(stranded.runs[0]).toBe(sent[1]);
    expect(first.process.calls).toEqual([sent[0]]);
    next.pipeline.adopt(stranded, asIs);
    expect(next.process.calls).toEqual(stranded.runs.slice(0, 2));
    next.answerAll();
    sent[0].fail(new AirlockError('WORKER_CRASHED'));
    expect(await Promise.all(answers)).toEqual(['WORKER_CRASHED', 'answered', 'answered', 'answered', 'answered']);
  });

  it('do not go into a fourth worker: one of them may be what ends them', async () => {
    const last = make();
    void last.ask();
    const answer = last.ask();
    for (let ended = 0; ended < 3; ended++) {
      const stranded = last.pipeline.takeUnbegun();
      expect(stranded.runs).toHaveLength(1);
      last.pipeline.adopt(stranded, asIs);
    }
    expect(last.pipeline.takeUnbegun().runs).toEqual([]);
    expect(await answer).toBe('WORKER_CRASHED');
    last.pipeline.detach();
  });

  it('keep their deadline, whatever the other clock says, and are refused when it has passed', async () => {
    const [first, next] = [make(), make()];
    void first.ask();
    const answers = [first.ask(20), first.ask(1_000)];
    const { runs, nowMs } = first.pipeline.takeUnbegun();
    // On the clock that their deadlines are on 25 ms have passed.
    next.pipeline.adopt({ runs, nowMs: nowMs + 25 }, asIs);
    expect(await answers[0]).toBe('DEADLINE_EXCEEDED');
    expect(next.process.calls).toEqual([runs[1]]);
    next.answerAll();
    expect(await answers[1]).toBe('answered');
    first.pipeline.detach();
  });

  it('fail as the worker that they came to says, not as the one that they came from', async () => {
    const [first, next] = [make(), make()];
    void first.ask();
    const answer = first.ask(1_000, () => new AirlockError('INTERNAL'));
    next.pipeline.adopt(first.pipeline.takeUnbegun(), () => new AirlockError('WORKER_FORBIDDEN'));
    next.process.head?.fail(new AirlockError('WORKER_CRASHED'));
    expect(await answer).toBe('WORKER_FORBIDDEN');
    first.pipeline.detach();
    next.pipeline.detach();
  });

  it('are left out when they are answered to already, and fail where there is no other worker', async () => {
    const [first, next] = [make(), make()];
    void first.ask();
    const gone = first.ask();
    first.process.calls[1].fail(new AirlockError('DEADLINE_EXCEEDED'));
    expect(first.pipeline.takeUnbegun().runs).toEqual([]);
    expect(await gone).toBe('DEADLINE_EXCEEDED');
    const answer = first.ask();
    const stranded = first.pipeline.takeUnbegun();
    next.pipeline.detach();
    next.pipeline.adopt(stranded, asIs);
    expect(await answer).toBe('MODEL_NOT_AVAILABLE');
    first.pipeline.detach();
  });
});

describe('requests that wait', () => {
  it('are given away from the end, and none that was sent', async () => {
    const [busy, idle] = [make(), make()];
    const answers = Array.from({ length: 5 }, () => busy.ask());
    const taken = busy.pipeline.takeWaiting(2);
    expect([taken.runs.length, busy.pipeline.pendingCount]).toEqual([2, 3]);
    expect(busy.pipeline.takeWaiting(9).runs).toHaveLength(1);
    expect(busy.process.calls).toHaveLength(2);
    idle.pipeline.adopt(taken, asIs);
    idle.answerAll();
    expect(await Promise.all(answers.slice(3))).toEqual(['answered', 'answered']);
    busy.pipeline.detach();
  });
});
