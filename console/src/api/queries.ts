import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { presence } from "../lib/idle";
import { client } from "./client";
import type * as api from "./types";

// What pages read. A key is the path that is asked, so a write makes all of it new by one call.
// `live`: asked again every so many milliseconds while the page is seen.
export const LIVE_MS = 3_000;

const whilePresent = (live?: number) => () => (live !== undefined && !presence.isAway() ? live : false);

export function useObject<T>(path: string, live?: number, enabled = true) {
  return useQuery({
    queryKey: [path],
    queryFn: ({ signal }) => client.get<T>(path, signal),
    refetchInterval: whilePresent(live),
    placeholderData: live ? keepPreviousData : undefined,
    enabled,
  });
}

const LIST_MAX = 100_000;
export function useList<T>(path: string, live?: number, max = LIST_MAX) {
  return useQuery({
    queryKey: ["list", path, max],
    queryFn: async ({ signal }) => client.list<T>(path, max, signal),
    refetchInterval: whilePresent(live),
    structuralSharing: live !== undefined, // to compare 100,000 objects would take longer than to draw them
  });
}

export const useTenants = () => useList<api.Tenant>("tenants");
export const useEngines = (live?: number) => useList<api.Engine>("engines", live);
export const useRollouts = (live?: number) => useList<api.Rollout>("rollouts", live);
export const usePools = (live?: number) => useList<api.PoolPart>("pools", live);
