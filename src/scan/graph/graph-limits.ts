// How large a graph may be. Beyond these numbers nothing is allocated: the file is refused as a whole, and is then never called clean.

/** TensorFlow's own models stay a hundred times below them. */
export const graphLimits = {
  /** Nodes of the graph and of all its functions, arguments included. */
  maxNodes: 5_000_000,
  maxFunctions: 100_000,
  maxInputsPerNode: 100_000,
  maxCalls: 2_000_000,
  /** Calls that grappler could make by swapping implementations. */
  maxSwappedCalls: 200_000,
  maxMetaGraphs: 100,
  /**
   * Of functions, operations, attributes, signatures and the like. Node hashes longer strings by their length alone, so that a map of them compares
   * each with all others: 4,000 of them took a minute.
   */
  maxNameBytes: 16_383,
  /** Messages in each other, as protobuf has it. */
  maxDepth: 100,
  /** Graphs in strings of graphs. */
  maxNestedGraphs: 3,
  /** Graphs in strings of one graph. */
  maxNestedPrograms: 1_000,
  /** Names of inputs that lead nowhere, and of nodes that are there twice, that are kept. */
  maxOddNames: 10_000,
} as const;
