import { createBrowserRouter, redirect } from "react-router";
import { Loading } from "./ui/parts";
import { Crash, NotFound } from "./pages/NotFound";
import { Shell } from "./Shell";

// Every view has its own address, all below /console: /audit/ is the log's files. Each page's script
// comes when it is first opened.
const page = (load: () => Promise<{ default: React.ComponentType }>) => async () => ({ Component: (await load()).default });

if (location.pathname === "/") history.replaceState(null, "", "/console/");

export const router = createBrowserRouter(
  [
    {
      element: <Shell />,
      errorElement: <Crash />,
      hydrateFallbackElement: <Loading />,
      children: [
        { index: true, loader: () => redirect("/overview") },
        { path: "overview", lazy: page(() => import("./pages/Overview")) },
        { path: "tenants", lazy: page(() => import("./pages/Tenants")) },
        { path: "tenants/:tenant", lazy: page(() => import("./pages/Tenant")) },
        { path: "users", lazy: page(() => import("./pages/Users")) },
        { path: "users/:user", lazy: page(() => import("./pages/User")) },
        { path: "account", lazy: page(() => import("./pages/Account")) },
        { path: "keys/:key", lazy: page(() => import("./pages/Key")) },
        { path: "models", lazy: page(() => import("./pages/Models")) },
        { path: "models/:model", lazy: page(() => import("./pages/Model")) },
        { path: "artifacts", lazy: page(() => import("./pages/Artifacts")) },
        { path: "artifacts/:artifact", lazy: page(() => import("./pages/Artifact")) },
        { path: "engines", lazy: page(() => import("./pages/Engines")) },
        { path: "engines/:engine", lazy: page(() => import("./pages/Engine")) },
        { path: "routes", lazy: page(() => import("./pages/Routes")) },
        { path: "routes/:route", lazy: page(() => import("./pages/Route")) },
        { path: "playground", lazy: page(() => import("./pages/Playground")) },
        { path: "usage", lazy: page(() => import("./pages/Usage")) },
        { path: "statements", lazy: page(() => import("./pages/Statements")) },
        { path: "statements/:tenant/:month", lazy: page(() => import("./pages/Statements")) },
        { path: "limits", lazy: page(() => import("./pages/Limits")) },
        { path: "pools", lazy: page(() => import("./pages/Pools")) },
        { path: "requests", lazy: page(() => import("./pages/Requests")) },
        { path: "requests/:request", lazy: page(() => import("./pages/Request")) },
        { path: "events", lazy: page(() => import("./pages/Events")) },
        { path: "webhooks", lazy: page(() => import("./pages/Webhooks")) },
        { path: "webhooks/:webhook", lazy: page(() => import("./pages/Webhook")) },
        { path: "settings", lazy: page(() => import("./pages/Settings")) },
        { path: "audit", lazy: page(() => import("./pages/Audit")) },
        { path: "audit/verify", lazy: page(() => import("./pages/AuditVerify")) },
        { path: "audit/:entry", lazy: page(() => import("./pages/AuditEntry")) },
        { path: "*", element: <NotFound /> },
      ],
    },
  ],
  { basename: "/console" },
);
