// Makes one program: reads its columns, finds its calls and the graphs in its strings, and what reaches what. The doors are in read-program.ts.
import { isAirlockError } from '../../core/index.ts';
import type { ScanContext } from '../scan-context.ts';
import { AttrScanner } from './attr-scan.ts';
import { AttrFinder } from './attr-value.ts';
import { judgeCallStructure } from './call-structure.ts';
import { CallGraph } from './calls.ts';
import { InputResolver, readEdges } from './edges.ts';
import type { FunctionDefinition } from './function-definition.ts';
import { type BodyStore, GraphBody } from './graph-body.ts';
import { type GraphDefinition, readGraphDefinition } from './graph-definition.ts';
import { graphLimits } from './graph-limits.ts';
import type { Body, NestedProgram, NodeRef, Program } from './graph-types.ts';
import { isGraph, isRunByAttr, type NestedString, rowsThatAreRun } from './nested-graph.ts';
import { readNodeTable } from './node-table.ts';
import { Notes } from './notes.ts';
import { OutputNumbers } from './output-numbers.ts';
import { nestedReach, type ProgramSource, reachFrom } from './program-reach.ts';
import type { ReachInput } from './reach.ts';
import type { Span } from './wire-message.ts';

/** Signatures by name; of two with one name the first. */
function byName(definition: GraphDefinition, context: ScanContext, notes: Notes): ReadonlyMap<string, FunctionDefinition> {
  const functions = new Map<string, FunctionDefinition>();
  for (const one of definition.functions) {
    if (functions.has(one.name)) notes.add('there are two functions with the name', one.name);
    else functions.set(one.name, one);
    if (context.ops.get(one.name) !== undefined) notes.add('a function has the name of an operation:', one.name);
  }
  return functions;
}

function nameBodies(bodies: readonly GraphBody[]): ReadonlyMap<string, GraphBody> {
  const functions = new Map<string, GraphBody>();
  for (const body of bodies) {
    if (body.function === undefined) continue;
    let key = body.function;
    // Steps on as long as the name is taken, also by a function that really has such a name.
    for (let number = 2; functions.has(key); number++) key = `${body.function} (${number})`;
    functions.set(key, body);
  }
  return functions;
}

/** A flag for each row that some row has an input from; made when it is first asked for. */
function consumedRows(rowCount: number, sources: Int32Array): (row: number) => boolean {
  let consumed: Uint8Array | undefined;
  return (row) => {
    if (consumed === undefined) {
      consumed = new Uint8Array(rowCount);
      for (const source of sources) consumed[source] = 1;
    }
    return consumed[row] === 1;
  };
}

export function readProgram(source: ProgramSource, context: ScanContext): Program {
  const { bytes, file, kind, parts, notes, outer } = source;
  const definition = readGraphDefinition(bytes, file, source.graph, notes);
  const signatures = byName(definition, context, notes);
  const table = readNodeTable(bytes, file, definition, notes);
  const resolver = new InputResolver(table, new OutputNumbers(table, context.ops, signatures));
  const edges = readEdges(table, resolver);
  const failed = new Set<string>();
  const store: BodyStore = {
    table,
    edges,
    finder: new AttrFinder(bytes, file),
    isConsumed: consumedRows(table.rowCount, edges.sources.view()),
    resolve: (group, name, start, end, into) => resolver.resolve(group, name, start, end, into),
    fail(reason) {
      if (failed.size >= 20 || failed.has(reason)) return;
      failed.add(reason);
      context.unreadable(file, reason);
    },
  };
  const bodies = table.ranges.map((range, group) => {
    return new GraphBody(store, group, range, group === 0 ? undefined : definition.functions[group - 1]);
  });
  const calls = new CallGraph(table, bodies, definition.gradients);
  const strings: NestedString[] = [];
  const onCandidate = (row: number, attr: string | undefined, start: number, end: number): void => {
    if (!isGraph(bytes, start, end, context.ops)) return;
    if (strings.length < graphLimits.maxNestedPrograms) strings.push({ row, attr, start, end });
    else store.fail(`more than ${graphLimits.maxNestedPrograms} strings are graphs`);
  };
  const scanner = new AttrScanner(table, notes, {
    onFunction: (row, attr, start, end) => calls.onName(row, attr, start, end, false),
    onString(row, attr, start, end) {
      calls.onName(row, attr, start, end, true);
      onCandidate(row, attr, start, end);
    },
    onElement: (row, start, end) => onCandidate(row, undefined, start, end),
  });
  for (const body of bodies) {
    for (let row = body.first + body.argCount; row < body.first + body.nodeCount; row++) {
      scanner.scan(row);
      calls.onNode(row);
    }
  }
  calls.addImplementations();
  const structure = judgeCallStructure(bodies, calls);
  const functions = nameBodies(bodies);
  const main = bodies[0];
  const reachInput: ReachInput = { table, edges, calls, bodies, registry: context.ops };
  const { roots, reach } =
    outer === undefined ? reachFrom(reachInput, source, main, functions) : nestedReach(reachInput, main, outer);
  const nested: NestedProgram[] = [];
  const own = (body: Body): GraphBody | undefined =>
    body instanceof GraphBody && bodies[body.group] === body ? body : undefined;
  const program: Program = {
    file,
    metaGraph: parts?.tags.join(','),
    kind,
    tensorflowVersion: parts?.tensorflowVersion ?? '',
    main,
    functions,
    gradients: definition.gradients,
    signatures: parts?.signatures ?? [],
    saver: parts?.saver,
    assetFiles: parts?.assetFiles ?? [],
    collections: parts?.collections ?? new Map(),
    objects: parts?.objects?.entries ?? [],
    roots,
    calls: calls.all,
    callsFrom(body, node) {
      const known = own(body);
      return known === undefined ? [] : calls.callsFromRow(known.first + node);
    },
    callsTo(body) {
      const known = own(body);
      return known === undefined ? [] : calls.callsTo(known);
    },
    reach,
    nested,
    get differentials() {
      return notes.texts;
    },
    recursiveFunctions: structure.recursive,
    inlinedNodes(body) {
      const known = own(body);
      return known === undefined ? body.nodeCount : structure.inlinedNodes(known);
    },
    callDepth(body) {
      const known = own(body);
      return known === undefined ? 0 : structure.callDepth(known);
    },
    boundInputs: parts?.objects?.boundInputs ?? new Map(),
    tags: parts?.tags ?? [],
    versions: definition.versions,
    strippedOps: parts?.strippedOps ?? [],
    functionAliases: parts?.functionAliases ?? new Map(),
    holder: outer?.holder,
  };
  if (strings.length > 0) {
    const marks = rowsThatAreRun(reachInput);
    for (const { row, attr, start, end } of strings) {
      const body = bodies[table.groups[row]];
      const holder = { body, node: row - body.first };
      const isRun = attr === undefined ? marks[row] !== 0 : isRunByAttr(body.op(holder.node));
      const one = readNested(program, holder, bytes, { start, end }, isRun, outer?.depth ?? 0, context);
      if (one !== undefined) nested.push(one);
    }
  }
  return program;
}

/** Undefined when it cannot be read, or lies too deep; then the context was told. */
export function readNested(
  program: Program,
  holder: NodeRef,
  bytes: Buffer,
  span: Span,
  isRun: boolean,
  depth: number,
  context: ScanContext,
): NestedProgram | undefined {
  const { file } = program;
  if (depth >= graphLimits.maxNestedGraphs) {
    context.unreadable(file, `node ${holder.body.name(holder.node)}: graphs lie in strings of graphs too deep`);
    return undefined;
  }
  try {
    const source: ProgramSource = {
      bytes,
      file,
      kind: 'graph-def',
      graph: [span],
      parts: undefined,
      metaGraphCount: 0,
      notes: new Notes(),
      outer: { program, holder, isRun, depth: depth + 1 },
    };
    return { holder, isRun, program: readProgram(source, context) };
  } catch (thrown) {
    if (!isAirlockError(thrown)) throw thrown;
    context.unreadable(file, `the graph in the string ${holder.body.name(holder.node)}: ${thrown.message}`);
    return undefined;
  }
}
