// Names of packages as PEP 503 compares them.

/** Lower case, each run of `-`, `_` and `.` one `-`: `Tensor_Flow` and `tensor-flow` are one project. */
export function normalizedName(name: string): string {
  return name.toLowerCase().replace(/[-_.]+/g, '-');
}
