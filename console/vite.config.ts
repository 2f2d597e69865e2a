import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

// `SM_ADMIN=http://127.0.0.1:8081 npm run dev` shows the console as it is edited, over that server.
const admin = process.env.SM_ADMIN ?? "http://127.0.0.1:8081";
const proxy = { "/api": admin, "/audit/": admin, "/v1": admin };

export default defineConfig({
  plugins: [react()],
  // Nothing inline: the content policy takes files of our own only.
  build: { assetsInlineLimit: 0, modulePreload: { polyfill: false }, target: "es2022", cssCodeSplit: false },
  server: { proxy },
  preview: { proxy },
  test: { environment: "node", include: ["src/**/*.test.ts", "*.test.ts"] },
});
