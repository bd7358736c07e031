// The model card of a CycloneDX component, built by hand: the library has no classes for it. Its schema has no place for hyperparameters, so
// they are properties; see docs/attestations.md.
import type { BomFacts } from './bom-facts.ts';

export interface BomProperty {
  readonly name: string;
  readonly value: string;
}

/** `modelCard` of CycloneDX 1.6, as far as it is used. */
export interface ModelCard {
  readonly modelParameters?: { readonly datasets: readonly { readonly ref: string }[] };
  readonly quantitativeAnalysis?: {
    readonly performanceMetrics: readonly { readonly type: string; readonly value: string; readonly slice?: string }[];
  };
  readonly properties?: readonly BomProperty[];
}

/** The reference of a data set's component. */
export function dataRef(sha256: string): string {
  return `data:${sha256}`;
}

/** Undefined when no statement says anything that belongs there. */
export function modelCard({ training, evaluations }: BomFacts): ModelCard | undefined {
  const refs = new Set((training?.data ?? []).map(({ digest }) => dataRef(digest.sha256)));
  const datasets = [...refs].map((ref) => ({ ref }));
  const own = [...(training?.metrics ?? [])].map(([type, value]) => ({ type, value: String(value), slice: 'training' }));
  const tested = evaluations.flatMap(({ data, metrics }) =>
    [...metrics].map(([type, value]) => ({ type, value: String(value), slice: data.name })),
  );
  const performanceMetrics = [...own, ...tested];
  const properties = [...(training?.hyperparameters ?? [])].map(([name, value]) => ({
    name: `tf-airlock:hyperparameter:${name}`,
    value: typeof value === 'string' ? value : JSON.stringify(value),
  }));
  if (datasets.length + performanceMetrics.length + properties.length === 0) return undefined;
  return {
    ...(datasets.length > 0 && { modelParameters: { datasets } }),
    ...(performanceMetrics.length > 0 && { quantitativeAnalysis: { performanceMetrics } }),
    ...(properties.length > 0 && { properties }),
  };
}
