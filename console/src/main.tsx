import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { RouterProvider } from "react-router/dom";
import { ApiError } from "./api/client";
import "./app.css";
import { Texts } from "./i18n";
import { presence } from "./lib/idle";
import { router } from "./router";
import { SessionProvider } from "./session";
import { followTheme } from "./theme";

followTheme();

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 2_000,
      // What the server has said stays said; only what it did not get to say is asked again.
      retry: (times, error) => times < 2 && error instanceof ApiError && error.status === 0,
    },
  },
});

for (const kind of ["pointerdown", "keydown"])
  addEventListener(kind, () => presence.touch() && void queries.invalidateQueries(), { passive: true });

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <Texts>
        <SessionProvider>
          <RouterProvider router={router} />
        </SessionProvider>
      </Texts>
    </QueryClientProvider>
  </StrictMode>,
);
