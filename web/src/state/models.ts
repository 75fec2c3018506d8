import { computed, signal } from "@preact/signals";
import { getJson } from "../api/http";
import { report } from "./connection";

interface Listed {
  id: string;
  context_length?: number;
  max_model_len?: number;
  meta?: { n_ctx?: number; n_ctx_train?: number } | null;
}

export interface Model {
  id: string;
  context: number | null; // tokens
}

export const models = signal<Model[]>([]);

export async function loadModels(): Promise<void> {
  try {
    const { data } = await getJson<{ data: Listed[] }>("/v1/models");
    models.value = data.map((m) => ({
      id: m.id, context: m.context_length ?? m.max_model_len ?? m.meta?.n_ctx ?? m.meta?.n_ctx_train ?? null,
    }));
  } catch (e) {
    report(e);
  }
}

const byId = computed(() => new Map(models.value.map((m) => [m.id, m])));

/** The context length of a model in tokens; without a name, of the first. */
export function contextOf(id: string | null | undefined): number | null {
  return (id ? byId.value.get(id) : models.value[0])?.context ?? null;
}
