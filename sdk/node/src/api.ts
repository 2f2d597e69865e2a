// Made from api/openapi.yaml by sdk/node/generate.mjs. Do not edit.
export interface paths {
    "/api/v1/tenants": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List tenants */
        get: operations["listTenants"];
        put?: never;
        /** Create a tenant and its project `default` */
        post: operations["createTenant"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tenants/{tenant}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Show a tenant */
        get: operations["getTenant"];
        /**
         * Say all of a tenant, whether it is there or not
         * @description What is not said is as if it never had been. `slug` is that of the path. Done again it changes nothing.
         */
        put: operations["putTenant"];
        post?: never;
        /**
         * Delete a tenant with its projects, keys and limits
         * @description Its usage and its statements stay readable under its id. Its slug becomes free.
         */
        delete: operations["deleteTenant"];
        options?: never;
        head?: never;
        /**
         * Change a tenant
         * @description What is not said stays. A suspended tenant's keys stop working at once, and its open streams end within 5 seconds.
         */
        patch: operations["updateTenant"];
        trace?: never;
    };
    "/api/v1/tenants/{tenant}/settings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Show what a tenant has set for its own requests
         * @description Always there; revision 0 is that nothing was ever set through the API. docs/tenant-settings.md says what each does.
         */
        get: operations["getTenantSettings"];
        /**
         * Say all of a tenant's settings anew
         * @description What is not said is taken back. Done again it changes nothing.
         */
        put: operations["putTenantSettings"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /**
         * Change a tenant's settings
         * @description What is not said stays, in `defaults` and `maximums` as well; null takes back. Lists are said as a whole.
         */
        patch: operations["updateTenantSettings"];
        trace?: never;
    };
    "/api/v1/projects": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List projects */
        get: operations["listProjects"];
        /**
         * Create a project, or say all of the one of this tenant and name
         * @description What is not said is as if it never had been; the same again changes nothing.
         */
        put: operations["putProject"];
        /** Create a project of a tenant */
        post: operations["createProject"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/projects/{project}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Show a project */
        get: operations["getProject"];
        put?: never;
        post?: never;
        /** Delete a project with its keys */
        delete: operations["deleteProject"];
        options?: never;
        head?: never;
        /** Change a project */
        patch: operations["updateProject"];
        trace?: never;
    };
    "/api/v1/keys": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List keys, never their text */
        get: operations["listKeys"];
        put?: never;
        /**
         * Create a key
         * @description It works as soon as it is answered. Its text cannot be shown again: whoever loses it rotates the key.
         */
        post: operations["createKey"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/keys/{key}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Show a key */
        get: operations["getKey"];
        /**
         * Say all of a key
         * @description What is not said is as if it never had been, but for its text, tenant and project; the same again changes nothing. Ids are not chosen: 404 where there is none.
         */
        put: operations["putKey"];
        post?: never;
        /**
         * Delete a key
         * @description It stops working at once. Its usage stays.
         */
        delete: operations["deleteKey"];
        options?: never;
        head?: never;
        /**
         * Change a key
         * @description What is not said stays. `null` takes back `models` (every model of the tenant), `owner` and `expires_at`.
         */
        patch: operations["updateKey"];
        trace?: never;
    };
    "/api/v1/keys/{key}/revoke": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * End a key and keep its record
         * @description It stops working at once, and its open streams end within 5 seconds. Done again it changes nothing.
         */
        post: operations["revokeKey"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/keys/{key}/rotate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Give a key a new text
         * @description Id, usage and limits go on. With `overlap` the old text works for that long, too.
         */
        post: operations["rotateKey"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/models": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List models, those that engines list as well */
        get: operations["listModels"];
        put?: never;
        /** Offer a model */
        post: operations["createModel"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/models/{model}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Show a model */
        get: operations["getModel"];
        /**
         * Say all of a model, whether it is there or not
         * @description What is not said is as if it never had been. `name` is that of the path. Done again it changes nothing.
         */
        put: operations["putModel"];
        post?: never;
        /** Stop offering a model */
        delete: operations["deleteModel"];
        options?: never;
        head?: never;
        /**
         * Change a model
         * @description All but its name. What is not said stays. `null` takes back `engine_model` (its name), `adapter`, `artifact` and `tenants` (all of them).
         */
        patch: operations["updateModel"];
        trace?: never;
    };
    "/api/v1/artifacts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List artifacts */
        get: operations["listArtifacts"];
        put?: never;
        /**
         * Register files that were imported, as a draft
         * @description Its files are in the data folder already, under their digest: `sovmesh model import` checks them, puts them there and calls this. At most 1,000.
         */
        post: operations["createArtifact"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/artifacts/{artifact}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Show an artifact, with its latest test run */
        get: operations["getArtifact"];
        put?: never;
        post?: never;
        /** Delete a draft or retired artifact, with its files */
        delete: operations["deleteArtifact"];
        options?: never;
        head?: never;
        /**
         * Change what people say of an artifact
         * @description What was imported never changes.
         */
        patch: operations["updateArtifact"];
        trace?: never;
    };
    "/api/v1/artifacts/{artifact}/move": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Bring an artifact to another stage
         * @description draft, testing, released, deprecated, retired: docs/models.md says which steps there are and what they want. In force for models that serve it before the answer.
         */
        post: operations["moveArtifact"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/artifacts/{artifact}/tests": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List the test runs of an artifact, oldest first */
        get: operations["listArtifactTests"];
        put?: never;
        /**
         * Keep what a set of prompts gave
         * @description `sovmesh model test` asks them and calls this. The latest 50 runs are kept.
         */
        post: operations["addArtifactTest"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/engines": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List the engines in use, with their state */
        get: operations["listEngines"];
        put?: never;
        /**
         * Use a remote engine from now on
         * @description One that wants an API key or a CA of its own belongs into the configuration file: secrets are not stored. At most 64.
         */
        post: operations["createEngine"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/engines/{engine}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Show an engine with its state */
        get: operations["getEngine"];
        /**
         * Use a remote engine from now on, or say all of one
         * @description The same again changes nothing. Another URL, dialect or number of slots is refused while a model needs the engine: make another one, and change the model.
         */
        put: operations["putEngine"];
        post?: never;
        /** Stop using an engine */
        delete: operations["deleteEngine"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/engines/{engine}/stop": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Take an engine out of service
         * @description At once it gets nothing new, and no request wakes it. What runs there may go on for `grace_s`; then the process of a supervised engine is ended, and a remote one is left alone. It stays so until it is started, or the server is. One that is stopped already is only shown; while it drains, another stop sets another grace.
         */
        post: operations["stopEngine"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/engines/{engine}/start": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Put an engine back in service
         * @description A supervised one that is stopped, or backs off, is started at once. One that is at work is only shown.
         */
        post: operations["startEngine"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/engines/{engine}/log": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Show the last lines that a supervised engine's process wrote
         * @description Lines from when it answers requests may quote them: they are counted in `withheld`, and kept nowhere. For `platform-admin` and `platform-operator`.
         */
        get: operations["getEngineLog"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/routes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List routes, the file's and those made here */
        get: operations["listRoutes"];
        put?: never;
        /**
         * Make a route
         * @description In force when it is answered. The members are those of the configuration file's `routes` (docs/rollouts.md).
         */
        post: operations["createRoute"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/routes/{route}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Show a route, with the share that each version has now */
        get: operations["getRoute"];
        /**
         * Say all of a route, whether it is there or not
         * @description What is not said is as if it never had been. `name` is that of the path.
         */
        put: operations["putRoute"];
        post?: never;
        /** Delete a route, with what its last rollout came to */
        delete: operations["deleteRoute"];
        options?: never;
        head?: never;
        /**
         * Change a route
         * @description What is not said stays; lists and sections are replaced as wholes, and `null` takes them back.
         */
        patch: operations["updateRoute"];
        trace?: never;
    };
    "/api/v1/routes/{route}/mirror": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Compare a route with its mirror
         * @description 404 for a route without a mirror. The figures are of this process since its start.
         */
        get: operations["getRouteMirror"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/rollouts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the rollouts, one of a route
         * @description That which goes on, else the last one.
         */
        get: operations["listRollouts"];
        put?: never;
        /** Start a rollout */
        post: operations["startRollout"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/rollouts/{route}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Show a rollout with evidence, events and the comparison of both versions */
        get: operations["getRollout"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/rollouts/{route}/pause": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Hold a rollout's share; its gates still roll back */
        post: operations["pauseRollout"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/rollouts/{route}/resume": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Let a paused rollout go on */
        post: operations["resumeRollout"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/rollouts/{route}/promote": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Give the candidate everything now */
        post: operations["promoteRollout"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/rollouts/{route}/abort": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Take the candidate's share back now */
        post: operations["abortRollout"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/limits": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List limits with what is used of them now */
        get: operations["listLimits"];
        /**
         * Set a limit, whether it is there or not
         * @description A limit is the same when holder, measure, window, `rolling` and model are. Its amount is changed, and `shadow` and `name` when they are said. Done again it changes nothing.
         */
        put: operations["putLimit"];
        /**
         * Set a limit that is not there yet
         * @description In force when it is answered.
         */
        post: operations["createLimit"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/limits/{limit}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Show a limit with what is used of it now */
        get: operations["getLimit"];
        put?: never;
        post?: never;
        /** Delete a limit */
        delete: operations["deleteLimit"];
        options?: never;
        head?: never;
        /**
         * Change a limit
         * @description What was used stays used. `null` takes back `name`.
         */
        patch: operations["updateLimit"];
        trace?: never;
    };
    "/api/v1/prices": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the price versions of the configuration in force
         * @description Those to come as well; those that were are in the ledger. Sorted by model, currency and time.
         */
        get: operations["listPrices"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/prices/{price}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Show a price version */
        get: operations["getPrice"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/pools": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List pools and their cohorts, tenants and projects with what they have and use
         * @description Rates are GPUs over the last whole minute.
         */
        get: operations["listPoolParts"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/pools/{pool}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Show a pool with engines, cohorts and parts */
        get: operations["getPool"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/pools/{pool}/set": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Give a tenant or project a share, or change the one it has
         * @description What is not said stays, `null` takes back. In force at once.
         */
        post: operations["setPoolShare"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/pools/{pool}/remove": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Take back a share
         * @description Weight 1 and no guarantee from then on.
         */
        post: operations["removePoolShare"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/usage": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Add up usage, with cost, engine time and energy
         * @description Days and months are those of the tenant's time zone, without `tenant` UTC's. By day at most 1,099 of them, by month 120. docs/usage.md has the meaning of each sum.
         */
        get: operations["getUsage"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/usage/forecast": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Say what a tenant's month will have been at its end */
        get: operations["getUsageForecast"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/statements/{tenant}/{month}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Show what a tenant owes for a month
         * @description The first call after the month's end closes it: from then on it is the same bytes. Before that it is `preliminary`. 404 where there was nothing of that tenant in that month.
         */
        get: operations["getStatement"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/statements/{tenant}/adjustments": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Book a correction in the open month
         * @description The same `id` again books nothing and shows what was booked.
         */
        post: operations["createAdjustment"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/requests": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List requests, the newest first
         * @description Those that are running come first, then those that have ended, the last one first; those that never reached an engine are not shown. One call
         *     looks at 10,000 rows at most, so a page may have fewer requests than `limit`, or none, and still not be the last. A request that ends while
         *     you page may come twice, running and ended; none is left out. That somebody read is an entry of the audit log.
         */
        get: operations["listRequests"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/requests/{request}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Tell the life of one request
         * @description Intent, scheduling, end, cost line by line, limits, and the audit entry with its proof. `state` says how far it came.
         */
        get: operations["explainRequest"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/live": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Show what goes on at this moment
         * @description Rates and times are of the last `window_s` whole seconds, in memory since the start. Who has roles in tenants alone sees their figures, and neither `engines` nor `pools`.
         *     With `Accept: text/event-stream` the same comes once a second, as an event `live`, until the session ends, the server stops or an hour has
         *     passed; the last event is then `end` with the reason. 64 streams may be open, 8 with one session or token.
         */
        get: operations["getLive"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List what has happened, the newest first
         * @description The last 10,000 events since the server's start, in memory: for people who look on; the record is the audit log. Who has roles in tenants alone
         *     sees the events of these. With `Accept: text/event-stream` those to come, each with its `id`: `Last-Event-ID` gets what came after that one,
         *     and an event `gap` first where some of it is kept no more, or where the id is of no event yet (it goes on from now then). A comment comes every 15 s; ends and bounds are those of `live`.
         */
        get: operations["listEvents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/webhooks": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List webhooks, never their secrets
         * @description Who has roles in tenants alone sees those of these, and where he could not change one only the origin of its URL.
         */
        get: operations["listWebhooks"];
        put?: never;
        /**
         * Have events told to a receiver
         * @description Events that come from now on are posted to `url`, signed by the rules of Standard Webhooks. A tenant's webhook is told of that tenant's events
         *     alone, the platform's of all. The URL must be within a place that the configuration's `webhooks.allowed` names. The secret cannot be shown again.
         */
        post: operations["createWebhook"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/webhooks/{webhook}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Show a webhook and what came of its deliveries */
        get: operations["getWebhook"];
        /**
         * Say all of a webhook
         * @description What is not said is as if it never had been, but for its secret and whose it is; the same again changes nothing. Ids are not chosen: 404 where there is none.
         */
        put: operations["putWebhook"];
        post?: never;
        /**
         * Delete a webhook
         * @description What waits is not delivered.
         */
        delete: operations["deleteWebhook"];
        options?: never;
        head?: never;
        /**
         * Change a webhook
         * @description What is not said stays. It takes effect within a second. One that is disabled drops what waits.
         */
        patch: operations["updateWebhook"];
        trace?: never;
    };
    "/api/v1/webhooks/{webhook}/rotate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Give a webhook a new secret
         * @description The one before ends at once: what waits is signed with the new one.
         */
        post: operations["rotateWebhook"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/webhooks/{webhook}/test": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send an event to a webhook
         * @description `webhook.test`, whatever kinds it wants, to this one alone, behind what waits. `deliveries` says what came of it.
         */
        post: operations["testWebhook"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/ledger/verify": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Compute every balance, roll-up and charge from the rows again
         * @description Takes seconds for a million rows, beside the ledger's work. Changes nothing.
         */
        post: operations["verifyLedger"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/audit/entries": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List entries of the audit log, newest first
         * @description A page may have fewer entries than `limit`, or none, and still not be the last. That somebody read is an entry, too.
         */
        get: operations["listAuditEntries"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/audit/entries/{entry}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Show an entry */
        get: operations["getAuditEntry"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/audit/entries/{entry}/proof": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Prove that an entry is in the log */
        get: operations["getAuditProof"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/audit/checkpoint": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Sign a checkpoint of everything durable */
        get: operations["getAuditCheckpoint"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/audit/export": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List a tenant's entries, each with its proof */
        get: operations["exportAudit"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/audit/holds": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List the legal holds that are on */
        get: operations["listHolds"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/audit/hold": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Forbid erasing and deleting what is of a user or a tenant */
        post: operations["hold"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/audit/release": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Take a legal hold off */
        post: operations["releaseHold"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/audit/erase": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Destroy what would tell who a person is
         * @description The key of the person's pseudonym in the audit log, the owner of revoked API keys, and the name in the usage ledger. Proofs stay whole. 404 where nothing was known of the person.
         */
        post: operations["erase"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/audit/witnessed": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Hand in a checkpoint that a witness has cosigned
         * @description Served as /audit/witnessed from then on. 400 for another log's, a forged one, or one that no witness of the configuration has signed.
         */
        post: operations["addWitnessed"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/audit/backup": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Say that an archive of the data folder has been made */
        post: operations["noteBackup"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/audit/rotate-key": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Sign with a new key, announced under the old one */
        post: operations["rotateAuditKey"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/system": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Show version, readiness and the ledger's counters */
        get: operations["getSystem"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/roles": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Show what each role may
         * @description The table by which the server decides, as data.
         */
        get: operations["listRoles"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/config": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Show the configuration in force
         * @description Of a secret there is where it comes from. What a refused reload said is here until one is taken.
         */
        get: operations["getConfig"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Sign in
         * @description An unknown login and a wrong password are answered alike, and both are slowed. A session of before that the request brings is ended.
         */
        post: operations["signIn"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/session": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Show who the caller is and what they may */
        get: operations["getSession"];
        put?: never;
        post?: never;
        /**
         * Sign out
         * @description 404 for the token and the socket, which have no session.
         */
        delete: operations["signOut"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/setup": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Make a platform administrator with a one-time token
         * @description The token is printed once by the first start, or made by POST /api/v1/setup/token. 401 for a wrong one.
         */
        post: operations["setUp"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/setup/token": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Make a one-time token for POST /api/v1/setup */
        post: operations["createSetupToken"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List users
         * @description Those whom the caller may see.
         */
        get: operations["listUsers"];
        put?: never;
        /** Create a user, with a role or without */
        post: operations["createUser"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/{user}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Show a user */
        get: operations["getUser"];
        put?: never;
        post?: never;
        /**
         * Delete a user with memberships and sessions
         * @description The keys that the user owns are revoked.
         */
        delete: operations["deleteUser"];
        options?: never;
        head?: never;
        /**
         * Change a user
         * @description Who changes their own password says the one of before. Another password, and disabling, end the user's sessions and delete the access tokens. Disabling revokes the keys that the user owns, another login renames their owner.
         */
        patch: operations["updateUser"];
        trace?: never;
    };
    "/api/v1/users/{user}/sessions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List a user's sessions */
        get: operations["listSessions"];
        put?: never;
        post?: never;
        /** End all sessions of a user */
        delete: operations["endSessions"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/{user}/sessions/{session}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** End a session of a user */
        delete: operations["endSession"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/{user}/tokens": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List a user's access tokens, never their text */
        get: operations["listTokens"];
        put?: never;
        /**
         * Make an access token
         * @description It acts with the memberships of the user: `Authorization: Bearer smt-...`. A person makes their own, signed in; those of a service account are made by whoever manages it. A user has at most 20.
         */
        post: operations["createToken"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/{user}/tokens/{token}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Delete an access token
         * @description It works no more.
         */
        delete: operations["deleteToken"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/memberships": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List memberships */
        get: operations["listMemberships"];
        put?: never;
        /** Give a user a role */
        post: operations["createMembership"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/memberships/{membership}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Show a membership */
        get: operations["getMembership"];
        put?: never;
        post?: never;
        /** Take a role back */
        delete: operations["deleteMembership"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description At most 1,024 bytes of UTF-8 */
        Text: string;
        Ulid: string;
        /** @description A name for URLs, metrics and files */
        Slug: string;
        /** @description Slug or id of a tenant */
        TenantRef: string;
        ModelName: string;
        EngineName: string;
        /** @description The public half of a key */
        KeyId: string;
        /**
         * Format: date-time
         * @description RFC 3339; answers are in UTC with microseconds
         */
        Time: string;
        /** @description By the tenant's clock */
        Month: string;
        /**
         * @description `2027-01-31` (that day's start by the tenant's clock) or `2027-01-31T12:00:00Z`
         * @example 2027-01-31
         */
        DayOrTime: string;
        /**
         * @description `250ms`, `30s`, `5m`, `24h`, `30d`; at most 100 years
         * @example 30s
         */
        Duration: string;
        /** @description Exact to a millionth. One with decimals is a text: JSON readers round numbers. */
        Decimal: number | string;
        /** @description Exact, with at most 6 decimals */
        DecimalText: string;
        Currency: string;
        /**
         * @description In lower case, without a port
         * @example llm.example
         */
        HostName: string;
        /**
         * @description Who can change it: this API, the configuration file, or the engine that lists it
         * @enum {unknown}
         */
        ManagedBy: "api" | "file" | "engine";
        /**
         * @description Classes of requests, the highest first
         * @enum {unknown}
         */
        Priority: "interactive" | "agent" | "batch";
        /** @description `inference`: ask models; `read:models`: list them; `read:usage`: the project's own usage */
        Scopes: ("inference" | "read:models" | "read:usage")[];
        /** @description An empty object, or no body at all */
        Nothing: Record<string, never>;
        /** @description docs/errors.md lists all of them, those of the data path too. */
        Error: {
            error: {
                /** @description What is wrong, where, and what to do */
                message: string;
                /** @enum {unknown} */
                type: "invalid_request_error" | "permission_error" | "timeout_error" | "requests" | "tokens" | "insufficient_quota" | "server_error";
                /** @description The member or parameter to blame */
                param: string | null;
                /**
                 * @description null where the request itself is malformed, or not a request
                 * @enum {unknown}
                 */
                code: "invalid_json" | "duplicate_key" | "nesting_too_deep" | "missing_required_parameter" | "invalid_type" | "invalid_value" | "unsupported_parameter" | "unsupported_value" | "empty_array" | "integer_below_min_value" | "integer_above_max_value" | "string_above_max_length" | "array_above_max_length" | "invalid_api_key" | "insufficient_permissions" | "unknown_url" | "not_found" | "method_not_supported" | "request_timeout" | "conflict" | "rate_limit_exceeded" | "precondition_failed" | "request_too_large" | "unsupported_media_type" | "unsupported_encoding" | "unknown_host" | "request_header_fields_too_large" | "internal_error" | "overloaded" | "dependency_unavailable" | "metering_unavailable" | null;
                /** @description More of it, of some */
                details?: Record<string, never>;
            };
        };
        /** @description What a write with `dry_run=true` would do. What is random or counted (ids, digits of a key, times, revisions) is another when it is done. */
        DryRun: {
            /** @constant */
            dry_run: true;
            /** @enum {unknown} */
            action: "create" | "change" | "delete" | "none";
            /**
             * @description That the write itself would have
             * @enum {integer}
             */
            status: 200 | 201 | 202 | 204;
            /** @description The object as it is; null: there is none */
            before: Record<string, never> | null;
            /** @description As it would be; null: gone */
            after: Record<string, never> | null;
            /** @description Members that would differ, without times and counts; empty where something is created or deleted */
            changes: {
                member: string;
                /** @description Its value now */
                before: unknown;
                /** @description Its value then */
                after: unknown;
            }[];
        };
        Tenant: {
            id: components["schemas"]["Ulid"];
            slug: components["schemas"]["Slug"];
            display_name: string;
            hosts: string[];
            suspended: boolean;
            time_zone: string;
            currency: components["schemas"]["Currency"];
            /** @description Counts changes; the ETag in quotes */
            revision: number;
            created_at: components["schemas"]["Time"];
            updated_at: components["schemas"]["Time"];
            managed_by: components["schemas"]["ManagedBy"];
            /** @description Where it is declared; absent where the API manages it */
            source?: string;
        };
        NewTenant: {
            slug: components["schemas"]["Slug"];
            /** @description For people */
            display_name?: components["schemas"]["Text"];
            /** @description Host names of the data path that are this tenant's */
            hosts?: components["schemas"]["HostName"][];
            /** @description Its keys do not work */
            suspended?: boolean;
            /** @description IANA name, as Europe/Copenhagen; UTC unless said */
            time_zone?: components["schemas"]["Text"];
            /** @description Of its prices and limits of money */
            currency?: components["schemas"]["Currency"];
        };
        TenantChange: {
            /** @description For people */
            display_name?: components["schemas"]["Text"];
            /** @description Host names of the data path that are this tenant's */
            hosts?: components["schemas"]["HostName"][];
            /** @description Its keys do not work */
            suspended?: boolean;
            /** @description IANA name, as Europe/Copenhagen; UTC unless said */
            time_zone?: components["schemas"]["Text"];
            /** @description Of its prices and limits of money */
            currency?: components["schemas"]["Currency"];
        };
        TenantSettings: {
            /** @description Slug */
            tenant: string;
            /** @description null: all that it may use */
            models: string[] | null;
            defaults: components["schemas"]["ParameterValues"];
            maximums: components["schemas"]["ParameterValues"];
            /** @enum {unknown} */
            on_excess: "refuse" | "clamp";
            system_prompts: components["schemas"]["SystemPrompt"][];
            disclaimer: components["schemas"]["Disclaimer"] | null;
            /** @description What may be set */
            bounds: {
                /** @description Models and routes that the tenant may use */
                models: string[];
                /** @description By the name of a parameter */
                parameters: {
                    [key: string]: {
                        min: number;
                        max: number;
                        /** @description No decimals */
                        whole: boolean;
                        /** @description Whether `defaults` may have it */
                        has_default: boolean;
                    };
                };
                system_prompts_max: number;
                system_prompt_bytes_max: number;
                placeholders: string[];
                disclaimer_bytes_max: number;
            };
            /** @description Counts changes; the ETag in quotes */
            revision: number;
            created_at: components["schemas"]["Time"];
            updated_at: components["schemas"]["Time"];
            managed_by: components["schemas"]["ManagedBy"];
            /** @description Where they are declared; absent where the API manages them */
            source?: string;
        };
        TenantSettingsChange: {
            /** @description Models and routes that are in use, of those that the tenant may use; others are as if they were not there */
            models?: string[] | null;
            defaults?: null | {
                max_tokens?: components["schemas"]["TokensSetting"];
                temperature?: components["schemas"]["TemperatureSetting"];
                top_p?: components["schemas"]["TopPSetting"];
                presence_penalty?: components["schemas"]["PenaltySetting"];
                frequency_penalty?: components["schemas"]["PenaltySetting"];
            };
            maximums?: null | {
                max_tokens?: components["schemas"]["TokensSetting"];
                temperature?: components["schemas"]["TemperatureSetting"];
                top_p?: components["schemas"]["TopPSetting"];
                presence_penalty?: components["schemas"]["PenaltySetting"];
                frequency_penalty?: components["schemas"]["PenaltySetting"];
                n?: number | null;
            };
            /**
             * @description What comes of a larger value: 400, or the maximum takes its place
             * @enum {unknown}
             */
            on_excess?: "refuse" | "clamp" | null;
            /** @description What goes before the messages of a chat; the first one that fits */
            system_prompts?: components["schemas"]["NewSystemPrompt"][] | null;
            disclaimer?: null | {
                /** @description Goes behind the content of chats' answers */
                text: string;
            };
        };
        TokensSetting: number | null;
        TemperatureSetting: number | null;
        TopPSetting: number | null;
        PenaltySetting: number | null;
        /** @description Numbers have at most 6 digits behind the point */
        ParameterValues: {
            max_tokens?: number;
            temperature?: number;
            top_p?: number;
            presence_penalty?: number;
            frequency_penalty?: number;
            /** @description Of maximums */
            n?: number;
        };
        SystemPrompt: {
            name: string;
            text: string;
            /** @description null: any */
            models: string[] | null;
            /** @description null: any */
            projects: string[] | null;
            /** @enum {unknown} */
            mode: "prepend" | "default";
        };
        NewSystemPrompt: {
            name: string;
            /** @description At most 16 KiB. {{tenant}}, {{project}} and {{date}} (the UTC day) are filled in */
            text: string;
            /** @description By these names only; null: any */
            models?: string[] | null;
            /** @description In these projects only; null: any */
            projects?: string[] | null;
            /**
             * @description prepend: always; default: where the client sends no system or developer message
             * @enum {unknown}
             */
            mode?: "prepend" | "default" | null;
        };
        Disclaimer: {
            text: string;
        };
        Project: {
            id: components["schemas"]["Ulid"];
            /** @description Slug */
            tenant: string;
            slug: components["schemas"]["Slug"];
            display_name: string;
            /** @description Empty: none */
            cost_centre: string;
            /** @description Counts changes; the ETag in quotes */
            revision: number;
            created_at: components["schemas"]["Time"];
            updated_at: components["schemas"]["Time"];
            managed_by: components["schemas"]["ManagedBy"];
            /** @description Where it is declared; absent where the API manages it */
            source?: string;
        };
        NewProject: {
            tenant: components["schemas"]["TenantRef"];
            slug: components["schemas"]["Slug"];
            display_name?: components["schemas"]["Text"];
            /** @description Where its costs are booked: one line of at most 64 bytes */
            cost_centre?: string;
        };
        ProjectChange: {
            display_name?: components["schemas"]["Text"];
            /** @description Where its costs are booked: one line of at most 64 bytes */
            cost_centre?: string | null;
        };
        Key: {
            id: components["schemas"]["KeyId"];
            /** @description Slug */
            tenant: string;
            /** @description Slug */
            project: string;
            display_name: string;
            scopes: components["schemas"]["Scopes"];
            /** @description null: every model of its tenant */
            models: components["schemas"]["ModelName"][] | null;
            /** @description The user that it is of */
            owner: string | null;
            max_priority: components["schemas"]["Priority"];
            labels: components["schemas"]["Labels"];
            /** @description Of its text */
            last_four: string;
            expires_at: components["schemas"]["Time"] | null;
            revoked_at: components["schemas"]["Time"] | null;
            /** @description Of its text before it was rotated */
            previous_works_until: components["schemas"]["Time"] | null;
            /** @description Counts changes; the ETag in quotes */
            revision: number;
            created_at: components["schemas"]["Time"];
            updated_at: components["schemas"]["Time"];
            managed_by: components["schemas"]["ManagedBy"];
            /** @description Where it is declared; absent where the API manages it */
            source?: string;
        };
        NewKeyShown: {
            id: components["schemas"]["KeyId"];
            /** @description Slug */
            tenant: string;
            /** @description Slug */
            project: string;
            display_name: string;
            scopes: components["schemas"]["Scopes"];
            /** @description null: every model of its tenant */
            models: components["schemas"]["ModelName"][] | null;
            /** @description The user that it is of */
            owner: string | null;
            max_priority: components["schemas"]["Priority"];
            labels: components["schemas"]["Labels"];
            /** @description Of its text */
            last_four: string;
            expires_at: components["schemas"]["Time"] | null;
            revoked_at: components["schemas"]["Time"] | null;
            /** @description Of its text before it was rotated */
            previous_works_until: components["schemas"]["Time"] | null;
            /** @description The whole key, `sm-...`: shown this once */
            key: string;
            /** @description Counts changes; the ETag in quotes */
            revision: number;
            created_at: components["schemas"]["Time"];
            updated_at: components["schemas"]["Time"];
            managed_by: components["schemas"]["ManagedBy"];
            /** @description Where it is declared; absent where the API manages it */
            source?: string;
        };
        NewKey: {
            tenant: components["schemas"]["TenantRef"];
            /** @description Slug or id; `default` unless said */
            project?: components["schemas"]["Text"];
            /** @description For people */
            display_name?: components["schemas"]["Text"];
            /** @description All of them unless said */
            scopes?: ("inference" | "read:models" | "read:usage")[];
            /** @description Those that it may use; null: every model of its tenant */
            models?: components["schemas"]["ModelName"][] | null;
            /** @description The user that it is of: limits of users, usage by user */
            owner?: string | null;
            expires_at?: components["schemas"]["Time"] | null;
            max_priority?: components["schemas"]["Priority"];
            labels?: components["schemas"]["Labels"] | null;
        };
        KeyChange: {
            /** @description For people */
            display_name?: components["schemas"]["Text"];
            /** @description All of them unless said */
            scopes?: ("inference" | "read:models" | "read:usage")[];
            /** @description Those that it may use; null: every model of its tenant */
            models?: components["schemas"]["ModelName"][] | null;
            /** @description The user that it is of: limits of users, usage by user */
            owner?: string | null;
            expires_at?: components["schemas"]["Time"] | null;
            max_priority?: components["schemas"]["Priority"];
            labels?: components["schemas"]["Labels"] | null;
        };
        /** @description What routes may go by, as {tier: gold}. Only people of the platform set them */
        Labels: {
            [key: string]: string;
        };
        Rotation: {
            /** @description How long the old text works, too; at most 30d, 0s unless said */
            overlap?: components["schemas"]["Duration"];
        };
        Model: {
            id: components["schemas"]["Ulid"];
            name: components["schemas"]["ModelName"];
            engine: string;
            engines: string[];
            /** @description What the engine calls it */
            engine_model: string;
            adapter: number | null;
            /** @description NAME@VERSION that it serves, whose stage bounds who sees it */
            artifact: string | null;
            owned_by: string;
            chat: boolean;
            completions: boolean;
            embeddings: boolean;
            /** @description Those that see it; null: all */
            tenants: string[] | null;
            /** @description 0: as the engine has it */
            context_tokens: number;
            /** @description 0: as the context allows */
            output_tokens_max: number;
            choices_max: number;
            extra_fields: string[];
            reject_unknown_fields: boolean;
            first_token_timeout: string;
            stall_timeout: string;
            total_timeout: string;
            /** @description A duration, or `never` */
            commit_after: string;
            /** @description Counts changes; the ETag in quotes */
            revision: number;
            created_at: components["schemas"]["Time"];
            updated_at: components["schemas"]["Time"];
            managed_by: components["schemas"]["ManagedBy"];
            /** @description Where it is declared; absent where the API manages it */
            source?: string;
        };
        /** @enum {unknown} */
        ArtifactStage: "draft" | "testing" | "released" | "deprecated" | "retired";
        Artifact: {
            id: components["schemas"]["Ulid"];
            /** @description NAME@VERSION */
            artifact: string;
            name: string;
            version: string;
            stage: components["schemas"]["ArtifactStage"];
            /** @description Testers, or whom it is released to; null: all */
            tenants: string[] | null;
            /** @description Of a deprecated one */
            retires_at: components["schemas"]["Time"] | null;
            /** @enum {unknown} */
            format: "gguf" | "safetensors";
            /** @description SHA-256 of the file, or of the list of a folder's files */
            digest: string;
            bytes: number;
            architecture: string;
            /** @description How most of its weights are kept */
            quantisation: string;
            /** @description 0: not known */
            parameters: number;
            /** @description 0: not known */
            context_tokens: number;
            licence: string;
            origin: string;
            owner: string;
            labels: {
                [key: string]: string;
            };
            /** @description Public models that serve it */
            models: string[];
            /** @description The latest test run; not in lists */
            test?: components["schemas"]["TestRunSummary"] | null;
            /** @description Counts changes; the ETag in quotes */
            revision: number;
            created_at: components["schemas"]["Time"];
            updated_at: components["schemas"]["Time"];
            managed_by: components["schemas"]["ManagedBy"];
        };
        NewArtifact: {
            name: string;
            version: string;
            /** @enum {unknown} */
            format: "gguf" | "safetensors";
            digest: string;
            bytes: number;
            architecture?: components["schemas"]["Text"];
            quantisation?: components["schemas"]["Text"];
            parameters?: number;
            context_tokens?: number;
            licence?: components["schemas"]["Text"];
            origin?: components["schemas"]["Text"];
            owner?: components["schemas"]["Text"];
            labels?: components["schemas"]["ArtifactLabels"];
        };
        ArtifactChange: {
            licence?: components["schemas"]["Text"];
            origin?: components["schemas"]["Text"];
            owner?: components["schemas"]["Text"];
            labels?: components["schemas"]["ArtifactLabels"];
        };
        /** @description For people; replaces all */
        ArtifactLabels: {
            [key: string]: components["schemas"]["Text"];
        };
        ArtifactMove: {
            stage: components["schemas"]["ArtifactStage"];
            /** @description Of testing and released: who may call it; null: all */
            tenants?: components["schemas"]["TenantRef"][] | null;
            /** @description Of deprecated */
            retires_at?: components["schemas"]["Time"];
            /** @description Of released: why it needs no test run */
            without_test?: string;
        };
        TestRunSummary: {
            id: components["schemas"]["Ulid"];
            set: string;
            /** @description The public model that was asked */
            model: string;
            passed: number;
            failed: number;
            at: components["schemas"]["Time"];
        };
        TestRun: {
            id: components["schemas"]["Ulid"];
            set: string;
            model: string;
            passed: number;
            failed: number;
            at: components["schemas"]["Time"];
            results: components["schemas"]["TestCase"][];
        };
        NewTestRun: {
            set: string;
            model: string;
            results: components["schemas"]["TestCase"][];
        };
        TestCase: {
            name: string;
            passed: boolean;
            /** @description What the answer misses */
            failures?: string[];
            output_tokens?: number;
            ms?: number;
        };
        ArtifactPage: {
            data: components["schemas"]["Artifact"][];
            has_more: boolean;
            /** @description `after` of the following page; null: this is the last one */
            next: string | null;
        };
        TestRunPage: {
            data: components["schemas"]["TestRun"][];
            has_more: boolean;
            /** @description `after` of the following page; null: this is the last one */
            next: string | null;
        };
        NewModel: {
            name: components["schemas"]["ModelName"];
            /** @description Name of the engine that answers */
            engine?: components["schemas"]["Text"];
            /** @description Instead of `engine`: replicas of each other, all in one pool */
            engines?: components["schemas"]["Text"][];
            /** @description What the engine calls it; null: its own name */
            engine_model?: string | null;
            /** @description Number of the engine's adapter, from 0 */
            adapter?: number | null;
            /** @description NAME@VERSION that it serves, whose stage bounds who sees it; null: none */
            artifact?: string | null;
            owned_by?: components["schemas"]["Text"];
            /** @description Offer chat completions; true unless said */
            chat?: boolean;
            /** @description Offer text completions; true unless said */
            completions?: boolean;
            /** @description Offer embeddings; false unless said */
            embeddings?: boolean;
            /** @description Those that see it; null: all */
            tenants?: components["schemas"]["TenantRef"][] | null;
            /** @description Most tokens of prompt and answer; 0: the engine decides */
            context_tokens?: number;
            /** @description Most tokens of an answer; 0: the context decides */
            output_tokens_max?: number;
            /** @description Most answers of one request */
            choices_max?: number;
            /** @description Unknown members of requests that are passed on */
            extra_fields?: components["schemas"]["Text"][];
            /** @description Else they are dropped */
            reject_unknown_fields?: boolean;
            /** @description More than 0 */
            first_token_timeout?: components["schemas"]["Duration"];
            /** @description More than 0 */
            stall_timeout?: components["schemas"]["Duration"];
            /** @description More than 0 */
            total_timeout?: components["schemas"]["Duration"];
            /** @description Streams that wait this long get their status and keep-alive comments */
            commit_after?: components["schemas"]["Duration"] | "never";
        } & (unknown | unknown);
        /** @description `engine` and `engines` exclude each other. */
        ModelChange: {
            /** @description Name of the engine that answers */
            engine?: components["schemas"]["Text"];
            /** @description Instead of `engine`: replicas of each other, all in one pool */
            engines?: components["schemas"]["Text"][];
            /** @description What the engine calls it; null: its own name */
            engine_model?: string | null;
            /** @description Number of the engine's adapter, from 0 */
            adapter?: number | null;
            /** @description NAME@VERSION that it serves, whose stage bounds who sees it; null: none */
            artifact?: string | null;
            owned_by?: components["schemas"]["Text"];
            /** @description Offer chat completions; true unless said */
            chat?: boolean;
            /** @description Offer text completions; true unless said */
            completions?: boolean;
            /** @description Offer embeddings; false unless said */
            embeddings?: boolean;
            /** @description Those that see it; null: all */
            tenants?: components["schemas"]["TenantRef"][] | null;
            /** @description Most tokens of prompt and answer; 0: the engine decides */
            context_tokens?: number;
            /** @description Most tokens of an answer; 0: the context decides */
            output_tokens_max?: number;
            /** @description Most answers of one request */
            choices_max?: number;
            /** @description Unknown members of requests that are passed on */
            extra_fields?: components["schemas"]["Text"][];
            /** @description Else they are dropped */
            reject_unknown_fields?: boolean;
            /** @description More than 0 */
            first_token_timeout?: components["schemas"]["Duration"];
            /** @description More than 0 */
            stall_timeout?: components["schemas"]["Duration"];
            /** @description More than 0 */
            total_timeout?: components["schemas"]["Duration"];
            /** @description Streams that wait this long get their status and keep-alive comments */
            commit_after?: components["schemas"]["Duration"] | "never";
        };
        /** @enum {unknown} */
        Dialect: "llama_cpp" | "vllm" | "sglang" | "openai" | "tgi" | "tensorrt_llm";
        /** @description `id`, `url`, `revision` and times only of one that was made here; its state once it is in use. */
        Engine: {
            id?: components["schemas"]["Ulid"];
            name: string;
            dialect: components["schemas"]["Dialect"];
            url?: string;
            /** @description Requests at once */
            slots: number;
            /**
             * @description `draining`: an administrator has stopped it, and its process is still there
             * @enum {unknown}
             */
            state?: "stopped" | "starting" | "ready" | "unhealthy" | "backing_off" | "draining";
            /**
             * @description How requests see it
             * @enum {unknown}
             */
            condition?: "in" | "slow" | "ramping" | "on_trial" | "ejected";
            /** @description Of the state; empty: none */
            reason?: string;
            since?: components["schemas"]["Time"];
            restarts?: number;
            /** @description Its process is started and watched here */
            supervised?: boolean;
            /** @description An administrator has stopped it */
            out_of_service?: boolean;
            pid?: number | null;
            /** @description What its process has in memory, mapped files included; null: it has none here */
            memory_bytes?: number | null;
            /** @description Its slots that requests have at this moment */
            in_flight?: number;
            load?: {
                running: number;
                waiting: number;
                kv_used_percent: number | null;
                kv_tokens: number | null;
            } | null;
            /** @description Counts changes; the ETag in quotes */
            revision?: number;
            created_at?: components["schemas"]["Time"];
            updated_at?: components["schemas"]["Time"];
            managed_by: components["schemas"]["ManagedBy"];
            /** @description Where it is declared; absent where the API manages it */
            source?: string;
        };
        /**
         * @example {
         *       "grace_s": 60
         *     }
         */
        EngineStop: {
            /**
             * @description Seconds that what runs there may go on
             * @default 30
             */
            grace_s: number;
        };
        /**
         * @example {
         *       "name": "tiny",
         *       "lines": [
         *         "loading model",
         *         "ready: what it writes from here on may quote requests, and is only counted"
         *       ],
         *       "withheld": 12
         *     }
         */
        EngineLog: {
            name: string;
            /** @description The oldest first */
            lines: string[];
            /** @description Lines of its present or last process that are not kept, because they may quote requests or were too many */
            withheld: number;
        };
        NewEngine: {
            name: components["schemas"]["EngineName"];
            /** @description `http://HOST:PORT/v1`, or https */
            url: string;
            /** @description `openai` unless said */
            dialect?: components["schemas"]["Dialect"];
            /**
             * @description Requests at once
             * @default 64
             */
            slots: number;
        };
        /** @description `revision` and times only of one that was made here. */
        Route: {
            name: components["schemas"]["ModelName"];
            versions: {
                model: components["schemas"]["ModelName"];
                /**
                 * @description Exactly one version is the stable one
                 * @enum {unknown}
                 */
                stage: "stable" | "canary" | "experiment";
                /** @description Its part of the requests, relative to the others' */
                weight: number;
                /** @description What it gets now, a rollout's part included: `12.5%` */
                share: string;
            }[];
            /** @enum {unknown} */
            sticky: "session" | "user" | "tenant";
            grey: {
                /** @description What requests name in `x-sm-channel` */
                name: string;
                version: components["schemas"]["ModelName"];
                tenants: components["schemas"]["TenantRef"][];
            } | null;
            mirror: {
                /** @description One of the versions, with the weight 0 */
                version: components["schemas"]["ModelName"];
                /** @description Percent of the requests that are copied, with at most 2 decimals */
                share: number;
                /** @description Most copies at once */
                in_flight_max: number;
                /** @description Largest body that is copied */
                prompt_bytes_max: number;
            } | null;
            conditions: {
                /** @description For explanations */
                name: string;
                version: components["schemas"]["ModelName"];
                /** @description What the request must have, 1 to 8 */
                headers: {
                    /** @description In lower case */
                    name: string;
                    value: string;
                }[];
            }[];
            fallbacks: {
                model?: components["schemas"]["ModelName"];
                route?: components["schemas"]["ModelName"];
            }[];
            timeouts: {
                connect: string | null;
                first_token: string | null;
                first_token_per_1000: string;
                inter_token: string | null;
                total: string | null;
            } | null;
            models: components["schemas"]["ModelName"][];
            /** @description Whether one has a part in the shares */
            rollout: boolean;
            /** @description Counts changes; the ETag in quotes */
            revision?: number;
            created_at?: components["schemas"]["Time"];
            updated_at?: components["schemas"]["Time"];
            managed_by: components["schemas"]["ManagedBy"];
            /** @description Where it is declared; absent where the API manages it */
            source?: string;
        };
        RouteVersion: {
            model: components["schemas"]["ModelName"];
            /** @description Its part of the requests, relative to the others' */
            weight?: number;
            /**
             * @description Exactly one version is the stable one
             * @enum {unknown}
             */
            stage?: "stable" | "canary" | "experiment";
        };
        GreyChannel: {
            /** @description What requests name in `x-sm-channel` */
            name: string;
            version: components["schemas"]["ModelName"];
            tenants: components["schemas"]["TenantRef"][];
            /** @description Keys with it go there, too, without the header */
            key_label?: components["schemas"]["KeyLabel"] | null;
        };
        KeyLabel: {
            name: string;
            value: string;
        };
        HeaderMatch: {
            /** @description In lower case */
            name: string;
            value: string;
        };
        RouteCondition: {
            /** @description For explanations */
            name: string;
            version: components["schemas"]["ModelName"];
            /** @description What the request must have; with labels 8 at most */
            headers?: components["schemas"]["HeaderMatch"][];
            /** @description What its key must have */
            key_labels?: components["schemas"]["KeyLabel"][];
            /** @description Slug or id, whose request it must be; empty: anybody's */
            tenant?: string;
            /** @description Slug, of which its key must be */
            project?: string;
        };
        /** @description A model or a route */
        RouteFallback: {
            model?: components["schemas"]["ModelName"];
            route?: components["schemas"]["ModelName"];
        } & (unknown | unknown);
        RouteMirror: {
            /** @description One of the versions, with the weight 0 */
            version: components["schemas"]["ModelName"];
            /** @description Percent of the requests that are copied, with at most 2 decimals */
            share: number;
            /** @description Most copies at once */
            in_flight_max?: number;
            /** @description Largest body that is copied */
            prompt_bytes_max?: number;
        };
        RouteTimeouts: {
            connect?: components["schemas"]["Duration"] | null;
            first_token?: components["schemas"]["Duration"] | null;
            first_token_per_1000?: components["schemas"]["Duration"];
            inter_token?: components["schemas"]["Duration"] | null;
            total?: components["schemas"]["Duration"] | null;
        };
        RouteSpec: {
            name: components["schemas"]["ModelName"];
            /** @description The models that answer; not all weights are 0 */
            versions: components["schemas"]["RouteVersion"][];
            /**
             * @description Whose requests stay together at one version
             * @enum {unknown}
             */
            sticky?: "session" | "user" | "tenant";
            grey?: components["schemas"]["GreyChannel"] | null;
            mirror?: components["schemas"]["RouteMirror"] | null;
            /** @description The first one that fits counts, before weights */
            conditions?: components["schemas"]["RouteCondition"][] | null;
            /** @description What answers while a version's engine is not healthy */
            fallbacks?: components["schemas"]["RouteFallback"][] | null;
            timeouts?: components["schemas"]["RouteTimeouts"] | null;
        };
        RouteChange: {
            /** @description Only the one that it has */
            name?: components["schemas"]["ModelName"];
            /** @description The models that answer; not all weights are 0 */
            versions?: components["schemas"]["RouteVersion"][];
            /**
             * @description Whose requests stay together at one version
             * @enum {unknown}
             */
            sticky?: "session" | "user" | "tenant";
            grey?: components["schemas"]["GreyChannel"] | null;
            mirror?: components["schemas"]["RouteMirror"] | null;
            /** @description The first one that fits counts, before weights */
            conditions?: components["schemas"]["RouteCondition"][] | null;
            /** @description What answers while a version's engine is not healthy */
            fallbacks?: components["schemas"]["RouteFallback"][] | null;
            timeouts?: components["schemas"]["RouteTimeouts"] | null;
        };
        /** @description One figure of two versions; null: too little to say. The difference is a 95 % interval. */
        ComparisonRow: {
            name: string;
            unit: string;
            stable: number | null;
            candidate: number | null;
            difference_low: number | null;
            difference_high: number | null;
        };
        /** @description The last three once a copy was made. */
        Mirror: {
            version: components["schemas"]["ModelName"];
            /** @description `5%` */
            share: string;
            in_flight_max: number;
            prompt_bytes_max: number;
            /** @description How many ended how */
            copies?: {
                [key: string]: number;
            };
            report?: components["schemas"]["ComparisonRow"][];
            /** @description The same as a table */
            report_text?: string;
        };
        /** @description The last four only where it is shown alone. */
        Rollout: {
            id: components["schemas"]["Ulid"];
            route: components["schemas"]["ModelName"];
            stable: components["schemas"]["ModelName"];
            candidate: components["schemas"]["ModelName"];
            /** @enum {unknown} */
            state: "waiting" | "holding" | "paused" | "promoted" | "rolled_back";
            /** @description Of the candidate, now */
            share: string;
            /** @description From 1 */
            step: number;
            steps: string[];
            gates: string[];
            /** @description How long the step has held */
            held_s: number;
            stable_requests: number;
            candidate_requests: number;
            /** @description What the last look came to */
            reason: string;
            since: components["schemas"]["Time"];
            created_at: components["schemas"]["Time"];
            revision: number;
            evidence?: {
                /** @enum {unknown} */
                measure: "error_rate" | "refusal_rate" | "ttft" | "tpot";
                /** @description Against the plan's objective, else against the stable version */
                objective: boolean;
                /** @enum {unknown} */
                verdict: "too_few" | "passes" | "caution" | "regressed";
                text: string;
            }[];
            events?: {
                at: components["schemas"]["Time"];
                state: string;
                share: string;
                text: string;
            }[];
            report?: components["schemas"]["ComparisonRow"][];
            /** @description The same as a table */
            report_text?: string;
        };
        NewRollout: {
            route: components["schemas"]["ModelName"];
            /** @description A version of the route that is not the stable one */
            candidate: components["schemas"]["ModelName"];
            /** @description `SHARE%:DURATION`, growing; unless said 1%:10m, 5%:10m, 25%:30m, 50%:30m */
            steps?: string[];
            /** @description `MEASURE:TOLERANCE%[:OBJECTIVE]`, one for each measure: error_rate:1%, error_rate:1%:5%, ttft:41%:p95<2s; unless said error_rate:1%, refusal_rate:5%, ttft:41%, tpot:41% */
            gates?: string[];
            /** @description Whole seconds, 1s to 24h; 60s unless said */
            decision_interval?: components["schemas"]["Duration"];
            /** @description How long is waited for a candidate that is not ready; 600s unless said */
            ready_within?: components["schemas"]["Duration"];
            /**
             * @description Requests before a gate says anything
             * @default 200
             */
            sample_min: number;
            /**
             * @description By how much requests of one conversation vary together
             * @default 2
             */
            design_effect: number;
        };
        Abort: {
            /** @description For the events */
            reason?: components["schemas"]["Text"];
        };
        /** @enum {unknown} */
        Measure: "requests" | "input_tokens" | "output_tokens" | "total_tokens" | "concurrency" | "money" | "gpu_seconds";
        /** @enum {unknown} */
        Window: "second" | "minute" | "hour" | "day" | "month" | "lifetime";
        /** @description Counts are integers. Money and GPU seconds are texts with at most 6 decimals, exact. */
        Amount: number | components["schemas"]["DecimalText"];
        Limit: {
            id: components["schemas"]["Ulid"];
            /** @description Label in metrics and errors: as given, or made from the rest */
            name: string;
            /** @enum {unknown} */
            scope: "key" | "user" | "project" | "tenant" | "pool";
            tenant: string | null;
            project: string | null;
            /** @description An owner of keys; `*` is each of them, with a balance of his own */
            user: string | null;
            key: string | null;
            pool: string | null;
            measure: components["schemas"]["Measure"];
            /** @description null for concurrency */
            window: components["schemas"]["Window"] | null;
            rolling: boolean;
            amount: components["schemas"]["Amount"];
            /** @description Of money */
            currency: string | null;
            /** @description Refuses nothing, counts what it would have refused */
            shadow: boolean;
            model: string | null;
            /** @description false: its pool is not in the configuration */
            in_force: boolean;
            /** @description null: nobody counts, or each has a balance of his own */
            used: components["schemas"]["Amount"] | null;
            /** @description By requests that run */
            reserved: components["schemas"]["Amount"] | null;
            window_start: components["schemas"]["Time"] | null;
            reset_at: components["schemas"]["Time"] | null;
            /** @description Of a limit for each user */
            balances?: {
                scope: string;
                used: components["schemas"]["Amount"];
                reserved: components["schemas"]["Amount"];
                window_start: components["schemas"]["Time"] | null;
                reset_at: components["schemas"]["Time"] | null;
            }[];
            /** @description Counts changes; the ETag in quotes */
            revision: number;
            created_at: components["schemas"]["Time"];
            updated_at: components["schemas"]["Time"];
            managed_by: components["schemas"]["ManagedBy"];
            /** @description Where it is declared; absent where the API manages it */
            source?: string;
        };
        /** @description For a tenant, one of its projects or users, a key, or a pool. */
        NewLimit: {
            tenant?: components["schemas"]["TenantRef"];
            /** @description Slug or id, of the tenant */
            project?: components["schemas"]["Text"];
            /** @description An owner of keys of the tenant; `*`: each of them */
            user?: string;
            /** @description Alone, or with its tenant */
            key?: components["schemas"]["KeyId"];
            /** @description Alone */
            pool?: components["schemas"]["Text"];
            /** @description Label in metrics and errors: one line of 1 to 128 bytes */
            name?: string;
            measure: components["schemas"]["Measure"];
            /** @description Not for concurrency; days and months are the tenant's */
            window?: components["schemas"]["Window"];
            /** @description The time just past instead of the calendar's */
            rolling?: boolean;
            /** @description More than 0; whole, but for money and gpu_seconds */
            amount: components["schemas"]["Decimal"];
            /** @description Refuse nothing, only count */
            shadow?: boolean;
            /** @description A model or route; absent: all */
            model?: components["schemas"]["ModelName"];
        } | unknown | unknown | unknown;
        LimitChange: {
            /** @description Label in metrics and errors: one line of 1 to 128 bytes */
            name?: string | null;
            /** @description More than 0; whole, but for money and gpu_seconds */
            amount?: components["schemas"]["Decimal"];
            shadow?: boolean;
        };
        /** @description Money for a call, for 1,000,000 tokens or characters, for an hour, for a second. */
        Price: {
            /** @description Made from its content: another price has another id */
            id: string;
            model: string;
            currency: components["schemas"]["Currency"];
            label: string;
            /** @description null: always */
            from: components["schemas"]["Time"] | null;
            /** @description A request that begins now is billed by it */
            in_force: boolean;
            per_call: components["schemas"]["DecimalText"];
            input: components["schemas"]["DecimalText"];
            cached_input: components["schemas"]["DecimalText"];
            output: components["schemas"]["DecimalText"];
            characters: components["schemas"]["DecimalText"];
            concurrency_hour: components["schemas"]["DecimalText"];
            gpu_second: components["schemas"]["DecimalText"];
            gse: {
                prompt_us: components["schemas"]["DecimalText"];
                cached_us: components["schemas"]["DecimalText"];
                output_us: components["schemas"]["DecimalText"];
            } | null;
            energy: {
                watts: components["schemas"]["DecimalText"];
                pue: components["schemas"]["DecimalText"];
                g_co2e_per_kwh: number;
            } | null;
        };
        /** @description A pool, cohort, tenant, project or user. Rates in GPUs. */
        PoolPart: {
            /** @description Empty: that of the engines in no pool */
            pool: string;
            /** @description Where in the pool; empty: the pool itself */
            part: string;
            /** @enum {unknown} */
            level: "pool" | "cohort" | "tenant" | "project" | "user";
            guaranteed: components["schemas"]["DecimalText"];
            weight: components["schemas"]["DecimalText"];
            used: components["schemas"]["DecimalText"];
            borrowed: components["schemas"]["DecimalText"];
            lent: components["schemas"]["DecimalText"];
            /** @description GPU-seconds borrowed, as the half-life of a day leaves them */
            history: components["schemas"]["DecimalText"];
            /** @description Requests */
            waiting: number;
            /** @description Requests */
            running: number;
            /** @description null: none */
            borrowing_limit: components["schemas"]["DecimalText"] | null;
            /** @description null: all of it */
            lending_limit: components["schemas"]["DecimalText"] | null;
            /** @description Most of its requests at work; null: no limit */
            concurrency_max: number | null;
            /** @description The same of each user; null: no limit */
            user_concurrency_max: number | null;
            /**
             * @description null: nobody named it
             * @enum {unknown}
             */
            managed_by: "api" | "file" | null;
        };
        Pool: {
            name: string;
            engines: string[];
            /** @description null: what is guaranteed */
            capacity: components["schemas"]["DecimalText"] | null;
            cohorts: {
                name: string;
                cohort: string | null;
                guaranteed: components["schemas"]["DecimalText"] | null;
                borrowing_limit: components["schemas"]["DecimalText"] | null;
                lending_limit: components["schemas"]["DecimalText"] | null;
                weight: components["schemas"]["DecimalText"] | null;
            }[];
            parts: components["schemas"]["PoolPart"][];
        };
        PoolShare: {
            pool: string;
            tenant: string;
            project: string | null;
            cohort: string | null;
            guaranteed: components["schemas"]["DecimalText"] | null;
            borrowing_limit: components["schemas"]["DecimalText"] | null;
            lending_limit: components["schemas"]["DecimalText"] | null;
            weight: components["schemas"]["DecimalText"] | null;
            concurrency_max: number | null;
            user_concurrency_max: number | null;
            /** @description Counts changes; the ETag in quotes */
            revision: number;
            created_at: components["schemas"]["Time"];
            updated_at: components["schemas"]["Time"];
            managed_by: components["schemas"]["ManagedBy"];
            /** @description Where it is declared; absent where the API manages it */
            source?: string;
        };
        /** @description Something must be said of the share. */
        PoolShareChange: {
            tenant: components["schemas"]["TenantRef"];
            /** @description Slug or id; absent: the tenant itself */
            project?: components["schemas"]["Text"];
            /** @description Not of a project */
            cohort?: string | null;
            /** @description GPUs */
            guaranteed?: components["schemas"]["Decimal"];
            /** @description GPUs; null: no limit */
            borrowing_limit?: components["schemas"]["Decimal"] | null;
            /** @description GPUs; null: all of it */
            lending_limit?: components["schemas"]["Decimal"] | null;
            weight?: components["schemas"]["Decimal"];
            /** @description Requests at once */
            concurrency_max?: number | null;
            /** @description Requests at once, of each user */
            user_concurrency_max?: number | null;
        };
        PoolShareHolder: {
            tenant: components["schemas"]["TenantRef"];
            /** @description Slug or id */
            project?: components["schemas"]["Text"];
        };
        /** @enum {unknown} */
        UsageGrouping: "model" | "key" | "project" | "user" | "cost_centre" | "cost-centre" | "day" | "month" | "engine" | "tenant" | "revision" | "price";
        /** @enum {unknown} */
        EnergyMethod: "none" | "measured" | "attributed" | "estimated";
        Usage: {
            /** @description As asked; null: all */
            tenant: string | null;
            /** @description As asked; empty: nothing told apart */
            by: string;
            time_zone: string;
            from: components["schemas"]["Time"] | null;
            until: components["schemas"]["Time"] | null;
            data: {
                /** @description Slug of a project, id of a key, `2026-11-25`...; empty: none */
                group: string;
                tenant?: string;
                /** @description What people call it */
                label?: string;
                from?: components["schemas"]["Time"];
                until?: components["schemas"]["Time"];
                requests: number;
                /** @description Of these still running */
                open: number;
                prompt_tokens: number;
                cached_tokens: number;
                generated_tokens: number;
                reasoning_tokens: number;
                delivered_tokens: number;
                gse_seconds: string;
                /** @description Millijoules */
                energy_mj: number;
                energy_method: components["schemas"]["EnergyMethod"];
                /** @description Micrograms */
                co2_ug: number;
                cost: components["schemas"]["DecimalText"];
                /** @description Millionths of the currency's unit */
                cost_micro: number;
                /** @description Empty: none */
                currency: string;
                /** @description Requests without a price: their cost is not in the sum */
                unpriced: number;
                /** @description Requests in which the engine contradicted itself */
                drifted: number;
                /** @description Requests whose end a crash took */
                recovered: number;
                lower_bound: boolean;
                first_seq: number;
                last_seq: number;
            }[];
        };
        Forecast: {
            tenant: string;
            month: components["schemas"]["Month"];
            time_zone: string;
            history_days: number;
            days_left: number;
            /** @description Fewer than 14 whole days of usage: no projection */
            too_little_data: boolean;
            method: string;
            data: {
                figure: string;
                /** @description Of the cost */
                currency?: string;
                /** @description Money as text */
                so_far: number | string;
                expected: number | string | null;
                low: number | string | null;
                high: number | string | null;
            }[];
        };
        Statement: {
            /** @constant */
            format: "sovmesh statement 1";
            tenant: string;
            tenant_id: components["schemas"]["Ulid"];
            tenant_name: string;
            month: components["schemas"]["Month"];
            time_zone: string;
            from: components["schemas"]["Time"];
            until: components["schemas"]["Time"];
            preliminary: boolean;
            generated_at: components["schemas"]["Time"];
            first_seq: number;
            last_seq: number;
            requests: number;
            recovered: number;
            unpriced: number;
            totals: {
                currency: string;
                usage_micro: number;
                adjustments_micro: number;
                due_micro: number;
                due: components["schemas"]["DecimalText"];
            }[];
            lines: {
                project: string;
                project_id: string;
                cost_centre: string;
                model: string;
                price: string;
                currency: string;
                requests: number;
                prompt_tokens: number;
                cached_tokens: number;
                generated_tokens: number;
                reasoning_tokens: number;
                delivered_tokens: number;
                characters: number;
                open_us: number;
                gse_us: number;
                energy_mj: number;
                co2_ug: number;
                unpriced: number;
                drifted: number;
                recovered: number;
                cost_micro: number;
            }[];
            adjustments: {
                id: string;
                month: components["schemas"]["Month"];
                at: components["schemas"]["Time"];
                amount_micro: number;
                currency: string;
                reason: string;
            }[];
            prices: {
                id: string;
                terms: string;
            }[];
            audit_checkpoint: string;
            previous_month: string;
            previous_sha256: string;
        };
        Adjustment: {
            id: string;
            tenant: string;
            month: components["schemas"]["Month"];
            at: components["schemas"]["Time"];
            amount: components["schemas"]["DecimalText"];
            currency: components["schemas"]["Currency"];
            reason: string;
        };
        NewAdjustment: {
            /**
             * @description Money, not 0; negative: in the tenant's favour
             * @example -12.50
             */
            amount: string;
            /** @description One line of 1 to 256 bytes */
            reason: string;
            /** @description Yours, so that it is booked once */
            id?: string;
        };
        Scheduling: {
            version: string;
            class: string;
            attempts: {
                version: string;
                why: string | null;
                engine: string | null;
                outcome: string | null;
                waited_us: number;
                /** @description By which its turn came (docs/waiting.md) */
                rule: string | null;
                pool?: string;
                waiting_before_of_tenant?: number;
                waiting_before?: number;
                engines?: {
                    engine: string;
                    verdict: string;
                    cost_us: number | null;
                    parts_us?: {
                        [key: string]: number;
                    };
                    cached_tokens?: number;
                }[];
            }[];
        };
        /** @description The audit log's entry of the request, as far as there is one. */
        RequestAudit: {
            index?: number;
            /** @description Its bytes */
            entry?: string;
            entry_base64?: string;
            inclusion_proof?: string[];
            checkpoint?: string;
            /** @description Why something is missing */
            note?: string;
        };
        /**
         * @description `cancelled`: its client has hung up. `failed`: any other end before the answer was whole
         * @enum {unknown}
         */
        RequestStatus: "open" | "completed" | "cancelled" | "failed";
        RequestRow: {
            id: string;
            opened_at: components["schemas"]["Time"];
            /**
             * Format: date-time
             * @description When it was booked
             */
            ended_at: string | null;
            /** @description Its slug, or the id of one that was deleted */
            tenant: string;
            /** @description The same */
            project: string;
            key: components["schemas"]["KeyId"];
            /** @description Of the key, at that time */
            owner: string | null;
            /** @enum {unknown} */
            operation: "chat" | "text_completion" | "embeddings";
            streamed: boolean;
            /** @description What was asked for */
            model: string;
            /** @description Who answered: a model's revision, behind a route `model@revision` */
            version: string | null;
            status: components["schemas"]["RequestStatus"];
            /**
             * @description How it ended
             * @enum {unknown}
             */
            outcome: "stop" | "length" | "tool_calls" | "content_filter" | "client_closed" | "upstream_error" | "upstream_timeout" | "revoked" | "aborted" | "recovered" | "drained" | null;
            prompt_tokens: number;
            /** @description Of them those from the engine's cache */
            cached_tokens: number;
            /** @description Of a running one: at its last checkpoint */
            output_tokens: number;
            /** @description `null`: running, or without a price */
            cost: components["schemas"]["DecimalText"] | null;
            /** @description `null`: the tenant has none */
            currency: components["schemas"]["Currency"] | null;
            total_ms: number | null;
        };
        RequestPage: {
            data: components["schemas"]["RequestRow"][];
            has_more: boolean;
            /** @description The `after` of the page that follows */
            next: string | null;
            /**
             * Format: date-time
             * @description All that ended later has been looked at; `null` at the end, and among those that run
             */
            searched_until: string | null;
        };
        /** @description To the first token, of requests that have ended; `null` where there was none */
        LiveTimes: {
            p50: number | null;
            p95: number | null;
        };
        Live: {
            at: components["schemas"]["Time"];
            window_s: number;
            /** @description That have ended */
            requests_per_s: number;
            output_tokens_per_s: number;
            /** @description Those that were not the client's */
            errors_per_s: number;
            ttft_ms: components["schemas"]["LiveTimes"];
            /** @description Requests on engines */
            running: number;
            /** @description Requests that wait for one */
            waiting: number;
            engines?: {
                name: string;
                state: string;
                /** @description How requests see it */
                condition: string | null;
                /** @description By its own word, others' requests included */
                running: number | null;
                waiting: number | null;
                slots: number;
            }[];
            pools?: {
                /** @description Empty: of the engines in no pool */
                name: string;
                /** @description GPUs, over the last whole minute */
                used: number;
                borrowed: number;
                running: number;
                waiting: number;
            }[];
            /** @description Those that have something, the busiest 50 */
            tenants: components["schemas"]["LiveTenant"][];
        };
        LiveTenant: {
            tenant: components["schemas"]["Slug"];
            /** @description That have ended */
            requests_per_s: number;
            output_tokens_per_s: number;
            /** @description Those that were not the client's */
            errors_per_s: number;
            ttft_ms: components["schemas"]["LiveTimes"];
            /** @description Requests on engines */
            running: number;
            /** @description Requests that wait for one */
            waiting: number;
            /** @description GPUs beyond what is guaranteed to it, over the last whole minute */
            borrowed: number;
            /** @description GPUs of its guarantee that others had */
            lent: number;
        };
        /** @enum {unknown} */
        Severity: "info" | "warning" | "error";
        Event: {
            /** @description Grows, also over restarts */
            id: string;
            at: components["schemas"]["Time"];
            /** @description `engine.state`, `engine.ejected`, `engine.returned`, `rollout.*`, `limit.threshold`, `key.*`, `config.reload`, `disk.full`, `disk.over`, `audit.*` */
            kind: string;
            severity: components["schemas"]["Severity"];
            /** @description What it is about: `engines/tiny` */
            subject: string;
            /** @description Whose it is; absent: the platform's */
            tenant?: string;
            /** @description For people */
            text: string;
            /** @description For programs; depends on the kind */
            data: Record<string, never>;
        };
        EventPage: {
            data: components["schemas"]["Event"][];
            has_more: boolean;
            /** @description The `after` of the page that follows */
            next: string | null;
        };
        /**
         * @description Kinds of events (those of Event, and webhook.test), beginnings as `engine.*`, or `*`; each must fit a kind
         * @example [
         *       "limit.threshold",
         *       "rollout.*"
         *     ]
         */
        EventPatterns: string[];
        Deliveries: {
            /** @description Since the server's start */
            delivered: number;
            /** @description Attempts that were not taken and are made again */
            retried: number;
            /** @description Given up after 12 attempts, or there was no room */
            dropped: number;
            waiting: number;
            /** @description Of the answer to the latest attempt */
            last_status: number | null;
            /** @description What was wrong with it; null: nothing */
            last_error: string | null;
            last_at: components["schemas"]["Time"] | null;
        };
        Webhook: {
            id: components["schemas"]["Ulid"];
            name: components["schemas"]["Slug"];
            /** @description Slug of whose it is; null: the platform's */
            tenant: string | null;
            /**
             * @description As it is called; only its origin for who may not change it
             * @example https://hooks.example.com/sm
             */
            url: string;
            events: components["schemas"]["EventPatterns"];
            enabled: boolean;
            /**
             * @description failing: the latest attempt was not taken; not_allowed: webhooks.allowed has no place for its URL any more, so it is not called
             * @enum {unknown}
             */
            state: "ok" | "failing" | "disabled" | "not_allowed";
            deliveries: components["schemas"]["Deliveries"];
            /** @description Counts changes; the ETag in quotes */
            revision: number;
            created_at: components["schemas"]["Time"];
            updated_at: components["schemas"]["Time"];
            managed_by: components["schemas"]["ManagedBy"];
            /** @description Where it is declared; absent where the API manages it */
            source?: string;
        };
        NewWebhookShown: {
            id: components["schemas"]["Ulid"];
            name: components["schemas"]["Slug"];
            /** @description Slug of whose it is; null: the platform's */
            tenant: string | null;
            /**
             * @description As it is called; only its origin for who may not change it
             * @example https://hooks.example.com/sm
             */
            url: string;
            events: components["schemas"]["EventPatterns"];
            enabled: boolean;
            /**
             * @description failing: the latest attempt was not taken; not_allowed: webhooks.allowed has no place for its URL any more, so it is not called
             * @enum {unknown}
             */
            state: "ok" | "failing" | "disabled" | "not_allowed";
            deliveries: components["schemas"]["Deliveries"];
            /** @description Signs deliveries: shown this once */
            secret: string;
            /** @description Counts changes; the ETag in quotes */
            revision: number;
            created_at: components["schemas"]["Time"];
            updated_at: components["schemas"]["Time"];
            managed_by: components["schemas"]["ManagedBy"];
            /** @description Where it is declared; absent where the API manages it */
            source?: string;
        };
        NewWebhook: {
            /** @description Slug or id of whose it is; null or absent: the platform's */
            tenant?: string | null;
            name: components["schemas"]["Slug"];
            /**
             * @description Within a place that webhooks.allowed names: no user, query, fragment, escape or dotted segment
             * @example https://hooks.example.com/sm
             */
            url: string;
            events: components["schemas"]["EventPatterns"];
            /** @description True unless said */
            enabled?: boolean;
        };
        WebhookWhole: {
            name: components["schemas"]["Slug"];
            /**
             * @description Within a place that webhooks.allowed names: no user, query, fragment, escape or dotted segment
             * @example https://hooks.example.com/sm
             */
            url: string;
            events: components["schemas"]["EventPatterns"];
            /** @description True unless said */
            enabled?: boolean;
        };
        WebhookChange: {
            name?: components["schemas"]["Slug"];
            /**
             * @description Within a place that webhooks.allowed names: no user, query, fragment, escape or dotted segment
             * @example https://hooks.example.com/sm
             */
            url?: string;
            events?: components["schemas"]["EventPatterns"];
            enabled?: boolean;
        };
        WebhookPage: {
            data: components["schemas"]["Webhook"][];
            has_more: boolean;
            /** @description `after` of the following page; null: this is the last one */
            next: string | null;
        };
        /** @description `settled`, `open` and `void` requests have a row in the ledger, and all members; `replayed` ones have `replay_of` and `audit`, `unbooked` ones `scheduling`. */
        Explanation: {
            id: string;
            ulid: components["schemas"]["Ulid"];
            /** @enum {unknown} */
            state: "open" | "settled" | "void" | "replayed" | "unbooked";
            /** @description The request whose answer it got */
            replay_of?: string;
            intent?: {
                opened_at: components["schemas"]["Time"];
                tenant: string;
                tenant_id: components["schemas"]["Ulid"];
                project: string;
                project_id: components["schemas"]["Ulid"];
                key: string;
                key_name: string;
                user: string;
                cost_centre: string;
                /** @enum {unknown} */
                operation: "chat" | "text_completion" | "embeddings";
                streamed: boolean;
                model: string;
                model_revision: string;
                /** @description Empty for who has no role on the platform */
                engine: string;
                prompt_estimate: number;
                output_max: number;
                reserved_tokens: number;
                characters: number;
                price_version: string;
                currency: string;
                boot: number;
            };
            /** @description Of one that is open */
            checkpoint?: {
                prompt_tokens: number;
                cached_tokens: number;
                generated_tokens: number;
                reasoning_tokens: number;
                delivered_tokens: number;
            } | null;
            /** @description Of one that has ended */
            settle?: {
                settled_at: components["schemas"]["Time"];
                booked_at: components["schemas"]["Time"];
                seq: number;
                open_us: number;
                /** @enum {unknown} */
                finish: "stop" | "length" | "tool_calls" | "content_filter" | "client_closed" | "upstream_error" | "upstream_timeout" | "revoked" | "aborted" | "recovered" | "drained";
                /** @enum {unknown} */
                source: "engine_final" | "engine_live" | "floor" | "recovered";
                drift: boolean;
                lower_bound: boolean;
                prompt_tokens: number;
                cached_tokens: number;
                generated_tokens: number;
                reasoning_tokens: number;
                delivered_tokens: number;
            } | null;
            class?: string | null;
            pool?: string | null;
            /** @description null: forgotten */
            scheduling?: components["schemas"]["Scheduling"] | null;
            cost?: {
                priced: boolean;
                currency: string;
                lines: {
                    name: string;
                    quantity: number;
                    unit: string;
                    rate_micro: number;
                    per: string;
                    amount_micro: number;
                }[];
                cost_micro: number;
                cost: components["schemas"]["DecimalText"];
                /** @description The charge follows from price and counts */
                adds_up: boolean;
                /** @description Its terms */
                price: string | null;
            };
            energy?: {
                gse_seconds: string;
                millijoules: number;
                micrograms_co2: number;
                method: components["schemas"]["EnergyMethod"];
            };
            /** @description That it would count against now */
            limits?: string[];
            limits_as_of?: components["schemas"]["Time"];
            audit?: components["schemas"]["RequestAudit"];
        };
        LedgerCheck: {
            clean: boolean;
            rows: number;
            first_seq: number;
            last_seq: number;
            partitions: number;
            subjects: number;
            sums: number;
            requests: number;
            tokens: number;
            drift_tokens: number;
            drift_micro: number;
            rollup_drifts: number;
            mispriced: number;
            mispriced_micro: number;
            broken_rows: number;
            drifts: {
                where: string;
                tenant_id: string;
                project_id: string;
                key: string;
                model: string;
                user: string;
                currency: string;
                requests: number;
                tokens: number;
                cost_micro: number;
            }[];
        };
        /** @description A leaf of the log; docs/audit.md has every member. A person is an HMAC under a key that can be destroyed. */
        AuditEntry: {
            v: number;
            seq: number;
            t: components["schemas"]["Time"];
            /** @enum {unknown} */
            kind: "request" | "admin" | "key";
            tenant?: string;
            project?: string;
            rid?: string;
            key?: string;
            actor_ref?: string;
            op?: string;
            start?: string;
            model?: string;
            model_digest?: string;
            engine?: string;
            host?: string;
            site?: string;
            jurisdiction?: string;
            egress?: string;
            finish?: string;
            outcome?: string;
            prompt_digest?: string;
            answer_digest?: string;
            digest_key?: string;
            rules?: string;
            ledger_ref?: string;
            price_ver?: string;
            currency?: string;
            policy_ver?: string;
            config_hash?: string;
            ct_hash?: string;
            class?: string;
            pool?: string;
            mirror?: string;
            actor_type?: string;
            auth?: string;
            action?: string;
            object_ref?: string;
            subject_ref?: string;
            before?: string;
            after?: string;
            reason?: string;
            origin?: string;
            previous?: string;
            next?: string;
            signature?: string;
            status?: number;
            tokens_in?: number;
            tokens_cached?: number;
            tokens_out?: number;
            cost_micro?: number;
            count?: number;
        };
        AuditEntryListed: {
            index: number;
            entry: components["schemas"]["AuditEntry"];
        };
        AuditEntryShown: {
            index: number;
            entry: components["schemas"]["AuditEntry"];
            /** @description With `detail=true`: what is kept encrypted; null: nothing, or no longer */
            detail?: unknown;
            /** @description Why */
            detail_missing?: string;
        };
        AuditProof: {
            index: number;
            /** @description What is hashed into the tree */
            bytes: string;
            /** @description RFC 6962 inclusion proof, from the leaf up */
            proof: string[];
            /** @description A signed note (C2SP) */
            checkpoint: string;
            /** @description The log's keys, and from which size on they sign */
            keys: string;
        };
        AuditExportPage: {
            data: {
                index: number;
                /** @description What is hashed into the tree */
                bytes: string;
                /** @description RFC 6962 inclusion proof, from the leaf up */
                proof: string[];
            }[];
            has_more: boolean;
            /** @description `after` of the following page */
            next: string | null;
        };
        AuditCheckpoint: {
            /** @description A signed note (C2SP) */
            checkpoint: string;
            /** @description The log's keys, and from which size on they sign */
            keys: string;
            /** @description Durable entries */
            size: number;
            /** @description Of the last checkpoint */
            signed_size: number;
            /** @description Entries that are not durable yet */
            waiting: number;
            /** @description Requests that got no entry */
            gaps: number;
        };
        Hold: {
            id: string;
            /** @description Slug; null: it is gone, or none */
            tenant: string | null;
            tenant_id: string | null;
            subject: string | null;
            whole_tenant: boolean;
            since: components["schemas"]["Time"] | null;
            reason: string;
        };
        /** @description A user, or a whole tenant. */
        HoldOf: {
            /** @description Slug or id, also of one that was deleted */
            tenant?: components["schemas"]["TenantRef"];
            /** @description A user of the tenant (owner of keys), without `tenant` an administrator */
            subject?: components["schemas"]["Text"];
            /** @description For everybody to read, so without names: at most 200 bytes */
            reason?: string;
        } | unknown | unknown;
        ErasureOf: {
            /** @description Slug or id, also of one that was deleted */
            tenant?: components["schemas"]["TenantRef"];
            /** @description A user of the tenant (owner of keys), without `tenant` an administrator */
            subject: string;
            /** @description For everybody to read, so without names: at most 200 bytes */
            reason?: string;
        };
        EntryIndex: {
            /** @description Number of the entry that says so */
            index: number;
        };
        HoldSet: {
            /** @description Number of the entry that says so */
            index: number;
            /** @description Whether anybody of that name is known here */
            known: boolean;
            warning?: string;
        };
        Erasure: {
            /** @description Number of the entry that says so */
            index: number | null;
            /** @description A key of the audit log was destroyed */
            log_key: boolean;
            /** @description API keys that forgot their owner */
            revoked_keys: number;
            /** @description That got a pseudonym */
            ledger_subjects: number;
            /** @description What deleted keys or limits had left of the name is in no file any more */
            overwritten: boolean;
            /** @description Accounts in the tenant, API keys in use and limits that still have the name: change them */
            still_named: number;
        };
        Witnessed: {
            /** @description A checkpoint with a witness's cosignature */
            note: components["schemas"]["Text"];
        };
        Backup: {
            created_at: components["schemas"]["Time"];
            /** @description Up to which row */
            ledger_seq?: number;
        };
        Reason: {
            /** @description For everybody to read, so without names: at most 200 bytes */
            reason?: string;
        };
        System: {
            version: string;
            ready: boolean;
            /** @description Why not */
            not_ready: string[];
            directory_version: number;
            ledger: {
                accepts: boolean;
                waiting: number;
                records: number;
                failures: number;
            };
        };
        /** @enum {unknown} */
        Role: "platform-admin" | "platform-operator" | "auditor" | "finance" | "tenant-admin" | "tenant-developer" | "tenant-viewer";
        Membership: {
            id: components["schemas"]["Ulid"];
            user: components["schemas"]["Ulid"];
            role: components["schemas"]["Role"];
            /** @description Slug; null: on the platform */
            tenant: string | null;
            tenant_id: components["schemas"]["Ulid"] | null;
            /** @description Only at its creation, and only true: the user has no password and no session any more, for whoever set it could perhaps not have given this role */
            password_reset?: boolean;
            /** @description Only at its creation: so many access tokens are gone, for whoever made them could perhaps not have given this role */
            tokens_deleted?: number;
            /** @description Counts changes; the ETag in quotes */
            revision: number;
            created_at: components["schemas"]["Time"];
            updated_at: components["schemas"]["Time"];
            managed_by: components["schemas"]["ManagedBy"];
            /** @description Where it is declared; absent where the API manages it */
            source?: string;
        };
        User: {
            id: components["schemas"]["Ulid"];
            login: string;
            display_name: string;
            kind: components["schemas"]["UserKind"];
            disabled: boolean;
            has_password: boolean;
            /** @description Those that the caller may see */
            memberships: components["schemas"]["Membership"][];
            /** @description Counts changes; the ETag in quotes */
            revision: number;
            created_at: components["schemas"]["Time"];
            updated_at: components["schemas"]["Time"];
            managed_by: components["schemas"]["ManagedBy"];
            /** @description Where it is declared; absent where the API manages it */
            source?: string;
        };
        Login: {
            login: string;
            /** Format: password */
            password: string;
        };
        SetUp: {
            token: string;
            /** @description An e-mail address or a name; kept in lower case */
            login: string;
            /**
             * Format: password
             * @description At least 12 characters and at most 256 bytes, none of the common ones, not the login
             */
            password: string;
            display_name?: components["schemas"]["Text"];
        };
        SetupToken: {
            token: string;
            expires_at: components["schemas"]["Time"];
        };
        /**
         * @description A person signs in by password; a service account has none, a program acts as it with access tokens
         * @enum {unknown}
         */
        UserKind: "person" | "service";
        AccessToken: {
            /** @description The part of the text behind smt- */
            id: string;
            name: string;
            /** @description Of the text */
            last_four: string;
            created_at: components["schemas"]["Time"];
            /** @description null: never */
            expires_at: components["schemas"]["Time"] | null;
            /** @description The last time, to the minute; null: never */
            used_at: components["schemas"]["Time"] | null;
        };
        AccessTokenShown: {
            id: string;
            name: string;
            last_four: string;
            created_at: components["schemas"]["Time"];
            expires_at: components["schemas"]["Time"] | null;
            used_at: null;
            /** @description The text, this once */
            token: string;
        };
        NewAccessToken: {
            /** @description For people; of the user's tokens none has it yet */
            name: string;
            /** @description Within 1830 days; absent, with days: never */
            expires_at?: components["schemas"]["Time"];
            /** @description Until it ends; not beside expires_at */
            days?: number;
        };
        RolePage: {
            data: components["schemas"]["RoleTable"][];
            /** @constant */
            has_more: false;
            next: null;
        };
        RoleTable: {
            name: components["schemas"]["Role"];
            /**
             * @description Where a membership gives it
             * @enum {unknown}
             */
            where: "platform" | "tenant";
            permissions: {
                /** @description A kind of thing, as in `may` of the session */
                resource: string;
                /**
                 * @description Whose such things are
                 * @enum {unknown}
                 */
                whose: "platform" | "tenant";
                actions: ("read" | "create" | "change" | "remove")[];
            }[];
        };
        EffectiveConfig: {
            /** @description null: it runs without one */
            file: string | null;
            revision: string;
            loaded_at: components["schemas"]["Time"];
            /** @description Sections that the file has otherwise since the start */
            restart_pending: string[];
            /** @description The last reload that was refused since */
            refused: {
                at: components["schemas"]["Time"];
                revision: string | null;
                /** @description With file and line */
                error: string;
            } | null;
            /** @description Every setting with its value, as `sovmesh config schema` describes them; secrets are `file:PATH` or `env:NAME` */
            config: {
                [key: string]: unknown;
            };
        };
        NewUser: {
            /** @description An e-mail address or a name; kept in lower case */
            login: string;
            display_name?: string;
            /** @default person */
            kind: components["schemas"]["UserKind"];
            /**
             * Format: password
             * @description At least 12 characters and at most 256 bytes, none of the common ones, not the login
             */
            password?: string;
            /** @description Of a first membership */
            role?: components["schemas"]["Role"];
            /** @description Of a first membership; absent: on the platform */
            tenant?: components["schemas"]["TenantRef"];
        };
        UserChange: {
            /** @description An e-mail address or a name; kept in lower case */
            login?: string;
            display_name?: string;
            /** @description Cannot sign in */
            disabled?: boolean;
            /**
             * Format: password
             * @description At least 12 characters and at most 256 bytes, none of the common ones, not the login
             */
            password?: string;
            /**
             * Format: password
             * @description By whom the account is
             */
            current_password?: string;
        };
        NewMembership: {
            /** @description Login or id */
            user: string;
            role: components["schemas"]["Role"];
            /** @description Slug or id; absent: on the platform */
            tenant?: components["schemas"]["TenantRef"];
        };
        UserSession: {
            id: components["schemas"]["Ulid"];
            created_at: components["schemas"]["Time"];
            seen_at: components["schemas"]["Time"];
            expires_at: components["schemas"]["Time"];
            user_agent: string;
            /** @description Address */
            source: string;
            /** @description The one that asks */
            current: boolean;
        };
        Session: {
            user: components["schemas"]["User"] | null;
            memberships: components["schemas"]["Membership"][];
            may: {
                /** @description Slug; null: the platform */
                tenant: string | null;
                /** @description Kinds of things, and what may be done to them */
                resources: {
                    [key: string]: ("read" | "create" | "change" | "remove")[];
                };
            }[];
            /** @description For `x-sm-csrf` */
            csrf_token: string | null;
            expires_at: components["schemas"]["Time"] | null;
            /** @description If nothing is asked until then */
            idle_expires_at: components["schemas"]["Time"] | null;
        };
        UserPage: {
            data: components["schemas"]["User"][];
            has_more: boolean;
            /** @description `after` of the following page; null: this is the last one */
            next: string | null;
        };
        AccessTokenPage: {
            data: components["schemas"]["AccessToken"][];
            has_more: boolean;
            /** @description `after` of the following page; null: this is the last one */
            next: string | null;
        };
        UserSessionPage: {
            data: components["schemas"]["UserSession"][];
            has_more: boolean;
            /** @description `after` of the following page; null: this is the last one */
            next: string | null;
        };
        MembershipPage: {
            data: components["schemas"]["Membership"][];
            has_more: boolean;
            /** @description `after` of the following page; null: this is the last one */
            next: string | null;
        };
        TenantPage: {
            data: components["schemas"]["Tenant"][];
            has_more: boolean;
            /** @description `after` of the following page; null: this is the last one */
            next: string | null;
        };
        ProjectPage: {
            data: components["schemas"]["Project"][];
            has_more: boolean;
            /** @description `after` of the following page; null: this is the last one */
            next: string | null;
        };
        KeyPage: {
            data: components["schemas"]["Key"][];
            has_more: boolean;
            /** @description `after` of the following page; null: this is the last one */
            next: string | null;
        };
        ModelPage: {
            data: components["schemas"]["Model"][];
            has_more: boolean;
            /** @description `after` of the following page; null: this is the last one */
            next: string | null;
        };
        EnginePage: {
            data: components["schemas"]["Engine"][];
            has_more: boolean;
            /** @description `after` of the following page; null: this is the last one */
            next: string | null;
        };
        RoutePage: {
            data: components["schemas"]["Route"][];
            has_more: boolean;
            /** @description `after` of the following page; null: this is the last one */
            next: string | null;
        };
        RolloutPage: {
            data: components["schemas"]["Rollout"][];
            has_more: boolean;
            /** @description `after` of the following page; null: this is the last one */
            next: string | null;
        };
        LimitPage: {
            data: components["schemas"]["Limit"][];
            has_more: boolean;
            /** @description `after` of the following page; null: this is the last one */
            next: string | null;
        };
        PricePage: {
            data: components["schemas"]["Price"][];
            has_more: boolean;
            /** @description `after` of the following page; null: this is the last one */
            next: string | null;
        };
        PoolPartPage: {
            data: components["schemas"]["PoolPart"][];
            has_more: boolean;
            /** @description `after` of the following page; null: this is the last one */
            next: string | null;
        };
        AuditEntryPage: {
            data: components["schemas"]["AuditEntryListed"][];
            has_more: boolean;
            /** @description `after` of the following page; null: this is the last one */
            next: string | null;
        };
        HoldPage: {
            data: components["schemas"]["Hold"][];
            has_more: boolean;
            /** @description `after` of the following page; null: this is the last one */
            next: string | null;
        };
    };
    responses: {
        /** @description What would change: `dry_run=true` */
        Tried: {
            headers: {
                ETag: components["headers"]["ETag"];
                "x-sm-config-revision": components["headers"]["ConfigRevision"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["DryRun"];
            };
        };
        /** @description The request is malformed, or something in it is not as it must be: `param` names it */
        BadRequest: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"];
            };
        };
        /** @description No token and no session, or a wrong one */
        Unauthorized: {
            headers: {
                "WWW-Authenticate": components["headers"]["Challenge"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"];
            };
        };
        /** @description The caller's roles do not allow it, or a browser's request lacks `x-sm-csrf` or comes from another site */
        Forbidden: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"];
            };
        };
        /** @description Too many calls, or tries of a password */
        TooMany: {
            headers: {
                "Retry-After": components["headers"]["RetryAfter"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"];
            };
        };
        /** @description There is no such object, or one that the request names is not there */
        NotFound: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"];
            };
        };
        /** @description The body came too slowly */
        Timeout: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"];
            };
        };
        /** @description The state of things does not allow it */
        Conflict: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"];
            };
        };
        /** @description The object has another revision than If-Match says, or is not there */
        PreconditionFailed: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"];
            };
        };
        /** @description The body is over 1 MiB */
        TooLarge: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"];
            };
        };
        /** @description The URL is over 8 KiB */
        UriTooLong: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"];
            };
        };
        /** @description The body is not application/json, or is compressed */
        UnsupportedMediaType: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"];
            };
        };
        /** @description A fault of the server's; its log has the cause */
        InternalError: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"];
            };
        };
        /** @description It cannot be done or recorded now (audit log, disk, ledger) */
        Unavailable: {
            headers: {
                "Retry-After": components["headers"]["RetryAfter"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"];
            };
        };
    };
    parameters: {
        /** @description Most objects of the page */
        limit: number;
        /** @description `next` of the page before */
        after: string;
        /** @description Slug or id: of this one alone */
        of_tenant: components["schemas"]["TenantRef"];
        /** @description Those that only this may change */
        managed_by: "api" | "file" | "engine";
        /** @description Those with this in their name, display name or (of keys) id, in any case */
        q: string;
        /** @description Check and work out everything, change nothing, answer a DryRun */
        dry_run: boolean;
        /** @description The `ETag` that the object must have, or `*` */
        if_match: string;
        /** @description Slug or id */
        tenant: string;
        /** @description Id */
        project: string;
        /** @description Id */
        key: string;
        /** @description Name (percent-encoded) or id */
        model: string;
        /** @description NAME@VERSION, or id */
        artifact: string;
        /** @description Name or id */
        engine: string;
        /** @description Name (percent-encoded) */
        route: string;
        /** @description Id or name (percent-encoded) */
        limit_name: string;
        /** @description Id, as p-0123456789ab */
        price: string;
        /** @description Name */
        pool: string;
        /** @description Slug or id, also of one that was deleted */
        statement_tenant: string;
        /** @description As 2027-01 */
        month: components["schemas"]["Month"];
        /** @description `req_` and 32 hexadecimal digits (x-sm-request-id of the answer), these digits alone, or the ULID */
        request: string;
        /** @description Login or id */
        user: string;
        /** @description Id */
        session: string;
        /** @description Id */
        access_token: string;
        /** @description Id, or the name of one of the platform's */
        webhook: string;
        /** @description Id */
        membership: string;
        /** @description Number, or a request's id: req_... */
        entry: string;
    };
    requestBodies: never;
    headers: {
        /** @description The object's revision, in quotes */
        ETag: string;
        /** @description The configuration in force */
        ConfigRevision: string;
        /** @description `sm_session`, HttpOnly, SameSite=Strict */
        SessionCookie: string;
        /** @description Seconds until it makes sense to come again */
        RetryAfter: number;
        Challenge: "Bearer";
    };
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    listTenants: {
        parameters: {
            query?: {
                /** @description Most objects of the page */
                limit?: components["parameters"]["limit"];
                /** @description `next` of the page before */
                after?: components["parameters"]["after"];
                /** @description Those that only this may change */
                managed_by?: components["parameters"]["managed_by"];
                /** @description Those with this in their name, display name or (of keys) id, in any case */
                q?: components["parameters"]["q"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page */
            200: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TenantPage"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    createTenant: {
        parameters: {
            query?: {
                /** @description Check and work out everything, change nothing, answer a DryRun */
                dry_run?: components["parameters"]["dry_run"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewTenant"];
            };
        };
        responses: {
            200: components["responses"]["Tried"];
            /** @description The tenant */
            201: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Tenant"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            408: components["responses"]["Timeout"];
            /** @description The slug or a host is taken, or the file declares the tenant */
            409: components["responses"]["Conflict"];
            413: components["responses"]["TooLarge"];
            414: components["responses"]["UriTooLong"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    getTenant: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Slug or id */
                tenant: components["parameters"]["tenant"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The tenant */
            200: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Tenant"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    putTenant: {
        parameters: {
            query?: {
                /** @description Check and work out everything, change nothing, answer a DryRun */
                dry_run?: components["parameters"]["dry_run"];
            };
            header?: {
                /** @description The `ETag` that the object must have, or `*` */
                "If-Match"?: components["parameters"]["if_match"];
            };
            path: {
                /** @description Slug or id */
                tenant: components["parameters"]["tenant"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewTenant"];
            };
        };
        responses: {
            /** @description The tenant, which was there; with `dry_run=true` what would change */
            200: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Tenant"] | components["schemas"]["DryRun"];
                };
            };
            /** @description The tenant, which is new, with its project `default` */
            201: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Tenant"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            408: components["responses"]["Timeout"];
            /** @description A host is taken, limits of money are in the old currency, or the file declares the tenant */
            409: components["responses"]["Conflict"];
            412: components["responses"]["PreconditionFailed"];
            413: components["responses"]["TooLarge"];
            414: components["responses"]["UriTooLong"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    deleteTenant: {
        parameters: {
            query?: {
                /** @description Check and work out everything, change nothing, answer a DryRun */
                dry_run?: components["parameters"]["dry_run"];
            };
            header?: {
                /** @description The `ETag` that the object must have, or `*` */
                "If-Match"?: components["parameters"]["if_match"];
            };
            path: {
                /** @description Slug or id */
                tenant: components["parameters"]["tenant"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["Tried"];
            /** @description Gone */
            204: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description Something of it is under a legal hold, or the file declares it */
            409: components["responses"]["Conflict"];
            412: components["responses"]["PreconditionFailed"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    updateTenant: {
        parameters: {
            query?: {
                /** @description Check and work out everything, change nothing, answer a DryRun */
                dry_run?: components["parameters"]["dry_run"];
            };
            header?: {
                /** @description The `ETag` that the object must have, or `*` */
                "If-Match"?: components["parameters"]["if_match"];
            };
            path: {
                /** @description Slug or id */
                tenant: components["parameters"]["tenant"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["TenantChange"];
            };
        };
        responses: {
            /** @description The tenant; with `dry_run=true` what would change */
            200: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Tenant"] | components["schemas"]["DryRun"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            408: components["responses"]["Timeout"];
            /** @description A host is taken, limits of money are in the old currency, or the file declares the tenant */
            409: components["responses"]["Conflict"];
            412: components["responses"]["PreconditionFailed"];
            413: components["responses"]["TooLarge"];
            414: components["responses"]["UriTooLong"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    getTenantSettings: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Slug or id */
                tenant: components["parameters"]["tenant"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The settings */
            200: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TenantSettings"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    putTenantSettings: {
        parameters: {
            query?: {
                /** @description Check and work out everything, change nothing, answer a DryRun */
                dry_run?: components["parameters"]["dry_run"];
            };
            header?: {
                /** @description The `ETag` that the object must have, or `*` */
                "If-Match"?: components["parameters"]["if_match"];
            };
            path: {
                /** @description Slug or id */
                tenant: components["parameters"]["tenant"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["TenantSettingsChange"];
            };
        };
        responses: {
            /** @description The settings; with `dry_run=true` what would change */
            200: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TenantSettings"] | components["schemas"]["DryRun"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            408: components["responses"]["Timeout"];
            /** @description The file declares them */
            409: components["responses"]["Conflict"];
            412: components["responses"]["PreconditionFailed"];
            413: components["responses"]["TooLarge"];
            414: components["responses"]["UriTooLong"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    updateTenantSettings: {
        parameters: {
            query?: {
                /** @description Check and work out everything, change nothing, answer a DryRun */
                dry_run?: components["parameters"]["dry_run"];
            };
            header?: {
                /** @description The `ETag` that the object must have, or `*` */
                "If-Match"?: components["parameters"]["if_match"];
            };
            path: {
                /** @description Slug or id */
                tenant: components["parameters"]["tenant"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["TenantSettingsChange"];
            };
        };
        responses: {
            /** @description The settings; with `dry_run=true` what would change */
            200: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TenantSettings"] | components["schemas"]["DryRun"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            408: components["responses"]["Timeout"];
            /** @description The file declares them */
            409: components["responses"]["Conflict"];
            412: components["responses"]["PreconditionFailed"];
            413: components["responses"]["TooLarge"];
            414: components["responses"]["UriTooLong"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    listProjects: {
        parameters: {
            query?: {
                /** @description Most objects of the page */
                limit?: components["parameters"]["limit"];
                /** @description `next` of the page before */
                after?: components["parameters"]["after"];
                /** @description Slug or id: of this one alone */
                tenant?: components["parameters"]["of_tenant"];
                /** @description Those that only this may change */
                managed_by?: components["parameters"]["managed_by"];
                /** @description Those with this in their name, display name or (of keys) id, in any case */
                q?: components["parameters"]["q"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page */
            200: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProjectPage"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    putProject: {
        parameters: {
            query?: {
                /** @description Check and work out everything, change nothing, answer a DryRun */
                dry_run?: components["parameters"]["dry_run"];
            };
            header?: {
                /** @description The `ETag` that the object must have, or `*` */
                "If-Match"?: components["parameters"]["if_match"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewProject"];
            };
        };
        responses: {
            /** @description The project; with `dry_run=true` what would change */
            200: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Project"] | components["schemas"]["DryRun"];
                };
            };
            /** @description The project is new */
            201: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Project"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            408: components["responses"]["Timeout"];
            /** @description The configuration file declares it */
            409: components["responses"]["Conflict"];
            412: components["responses"]["PreconditionFailed"];
            413: components["responses"]["TooLarge"];
            414: components["responses"]["UriTooLong"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    createProject: {
        parameters: {
            query?: {
                /** @description Check and work out everything, change nothing, answer a DryRun */
                dry_run?: components["parameters"]["dry_run"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewProject"];
            };
        };
        responses: {
            200: components["responses"]["Tried"];
            /** @description The project */
            201: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Project"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            408: components["responses"]["Timeout"];
            /** @description The tenant has a project of this slug */
            409: components["responses"]["Conflict"];
            413: components["responses"]["TooLarge"];
            414: components["responses"]["UriTooLong"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    getProject: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id */
                project: components["parameters"]["project"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The project */
            200: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Project"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    deleteProject: {
        parameters: {
            query?: {
                /** @description Check and work out everything, change nothing, answer a DryRun */
                dry_run?: components["parameters"]["dry_run"];
            };
            header?: {
                /** @description The `ETag` that the object must have, or `*` */
                "If-Match"?: components["parameters"]["if_match"];
            };
            path: {
                /** @description Id */
                project: components["parameters"]["project"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["Tried"];
            /** @description Gone */
            204: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description Somebody whom a legal hold is for has keys in it, or the file declares it */
            409: components["responses"]["Conflict"];
            412: components["responses"]["PreconditionFailed"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    updateProject: {
        parameters: {
            query?: {
                /** @description Check and work out everything, change nothing, answer a DryRun */
                dry_run?: components["parameters"]["dry_run"];
            };
            header?: {
                /** @description The `ETag` that the object must have, or `*` */
                "If-Match"?: components["parameters"]["if_match"];
            };
            path: {
                /** @description Id */
                project: components["parameters"]["project"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ProjectChange"];
            };
        };
        responses: {
            /** @description The project; with `dry_run=true` what would change */
            200: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Project"] | components["schemas"]["DryRun"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            408: components["responses"]["Timeout"];
            /** @description The configuration file declares it */
            409: components["responses"]["Conflict"];
            412: components["responses"]["PreconditionFailed"];
            413: components["responses"]["TooLarge"];
            414: components["responses"]["UriTooLong"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    listKeys: {
        parameters: {
            query?: {
                /** @description Most objects of the page */
                limit?: components["parameters"]["limit"];
                /** @description `next` of the page before */
                after?: components["parameters"]["after"];
                /** @description Slug or id: of this one alone */
                tenant?: components["parameters"]["of_tenant"];
                /** @description Id: of this one alone */
                project?: string;
                /** @description Of this user alone */
                owner?: string;
                /** @description Those that only this may change */
                managed_by?: components["parameters"]["managed_by"];
                /** @description Those with this in their name, display name or (of keys) id, in any case */
                q?: components["parameters"]["q"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page */
            200: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["KeyPage"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    createKey: {
        parameters: {
            query?: {
                /** @description Check and work out everything, change nothing, answer a DryRun */
                dry_run?: components["parameters"]["dry_run"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewKey"];
            };
        };
        responses: {
            200: components["responses"]["Tried"];
            /** @description The key; its text stands in `key` this once */
            201: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NewKeyShown"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            408: components["responses"]["Timeout"];
            409: components["responses"]["Conflict"];
            413: components["responses"]["TooLarge"];
            414: components["responses"]["UriTooLong"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    getKey: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id */
                key: components["parameters"]["key"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The key */
            200: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Key"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    putKey: {
        parameters: {
            query?: {
                /** @description Check and work out everything, change nothing, answer a DryRun */
                dry_run?: components["parameters"]["dry_run"];
            };
            header?: {
                /** @description The `ETag` that the object must have, or `*` */
                "If-Match"?: components["parameters"]["if_match"];
            };
            path: {
                /** @description Id */
                key: components["parameters"]["key"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["KeyChange"];
            };
        };
        responses: {
            /** @description The key; with `dry_run=true` what would change */
            200: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Key"] | components["schemas"]["DryRun"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            408: components["responses"]["Timeout"];
            /** @description The configuration file declares it, or its owner is under a legal hold */
            409: components["responses"]["Conflict"];
            412: components["responses"]["PreconditionFailed"];
            413: components["responses"]["TooLarge"];
            414: components["responses"]["UriTooLong"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    deleteKey: {
        parameters: {
            query?: {
                /** @description Check and work out everything, change nothing, answer a DryRun */
                dry_run?: components["parameters"]["dry_run"];
            };
            header?: {
                /** @description The `ETag` that the object must have, or `*` */
                "If-Match"?: components["parameters"]["if_match"];
            };
            path: {
                /** @description Id */
                key: components["parameters"]["key"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["Tried"];
            /** @description Gone */
            204: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description Its owner is under a legal hold (revoke it instead), or the file declares it */
            409: components["responses"]["Conflict"];
            412: components["responses"]["PreconditionFailed"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    updateKey: {
        parameters: {
            query?: {
                /** @description Check and work out everything, change nothing, answer a DryRun */
                dry_run?: components["parameters"]["dry_run"];
            };
            header?: {
                /** @description The `ETag` that the object must have, or `*` */
                "If-Match"?: components["parameters"]["if_match"];
            };
            path: {
                /** @description Id */
                key: components["parameters"]["key"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["KeyChange"];
            };
        };
        responses: {
            /** @description The key; with `dry_run=true` what would change */
            200: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Key"] | components["schemas"]["DryRun"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            408: components["responses"]["Timeout"];
            /** @description The configuration file declares it, or its owner is under a legal hold */
            409: components["responses"]["Conflict"];
            412: components["responses"]["PreconditionFailed"];
            413: components["responses"]["TooLarge"];
            414: components["responses"]["UriTooLong"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    revokeKey: {
        parameters: {
            query?: {
                /** @description Check and work out everything, change nothing, answer a DryRun */
                dry_run?: components["parameters"]["dry_run"];
            };
            header?: {
                /** @description The `ETag` that the object must have, or `*` */
                "If-Match"?: components["parameters"]["if_match"];
            };
            path: {
                /** @description Id */
                key: components["parameters"]["key"];
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["Nothing"];
            };
        };
        responses: {
            /** @description The key; with `dry_run=true` what would change */
            200: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Key"] | components["schemas"]["DryRun"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            408: components["responses"]["Timeout"];
            /** @description The configuration file declares it */
            409: components["responses"]["Conflict"];
            412: components["responses"]["PreconditionFailed"];
            413: components["responses"]["TooLarge"];
            414: components["responses"]["UriTooLong"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    rotateKey: {
        parameters: {
            query?: {
                /** @description Check and work out everything, change nothing, answer a DryRun */
                dry_run?: components["parameters"]["dry_run"];
            };
            header?: {
                /** @description The `ETag` that the object must have, or `*` */
                "If-Match"?: components["parameters"]["if_match"];
            };
            path: {
                /** @description Id */
                key: components["parameters"]["key"];
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["Rotation"];
            };
        };
        responses: {
            /** @description The key; its text stands in `key` this once; with `dry_run=true` what would change */
            200: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NewKeyShown"] | components["schemas"]["DryRun"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            408: components["responses"]["Timeout"];
            /** @description The key has ended, or the file declares it */
            409: components["responses"]["Conflict"];
            412: components["responses"]["PreconditionFailed"];
            413: components["responses"]["TooLarge"];
            414: components["responses"]["UriTooLong"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    listModels: {
        parameters: {
            query?: {
                /** @description Most objects of the page */
                limit?: components["parameters"]["limit"];
                /** @description `next` of the page before */
                after?: components["parameters"]["after"];
                /** @description Those that only this may change */
                managed_by?: components["parameters"]["managed_by"];
                /** @description Those with this in their name, display name or (of keys) id, in any case */
                q?: components["parameters"]["q"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page */
            200: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ModelPage"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    createModel: {
        parameters: {
            query?: {
                /** @description Check and work out everything, change nothing, answer a DryRun */
                dry_run?: components["parameters"]["dry_run"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewModel"];
            };
        };
        responses: {
            200: components["responses"]["Tried"];
            /** @description The model */
            201: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Model"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            408: components["responses"]["Timeout"];
            /** @description The name is taken by a model or by a route that does not have it as a version */
            409: components["responses"]["Conflict"];
            413: components["responses"]["TooLarge"];
            414: components["responses"]["UriTooLong"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    getModel: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Name (percent-encoded) or id */
                model: components["parameters"]["model"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The model */
            200: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Model"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    putModel: {
        parameters: {
            query?: {
                /** @description Check and work out everything, change nothing, answer a DryRun */
                dry_run?: components["parameters"]["dry_run"];
            };
            header?: {
                /** @description The `ETag` that the object must have, or `*` */
                "If-Match"?: components["parameters"]["if_match"];
            };
            path: {
                /** @description Name (percent-encoded) or id */
                model: components["parameters"]["model"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewModel"];
            };
        };
        responses: {
            /** @description The model, which was there; with `dry_run=true` what would change */
            200: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Model"] | components["schemas"]["DryRun"];
                };
            };
            /** @description The model, which is new */
            201: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Model"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            408: components["responses"]["Timeout"];
            /** @description The configuration file declares it, or a route has the name */
            409: components["responses"]["Conflict"];
            412: components["responses"]["PreconditionFailed"];
            413: components["responses"]["TooLarge"];
            414: components["responses"]["UriTooLong"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    deleteModel: {
        parameters: {
            query?: {
                /** @description Check and work out everything, change nothing, answer a DryRun */
                dry_run?: components["parameters"]["dry_run"];
            };
            header?: {
                /** @description The `ETag` that the object must have, or `*` */
                "If-Match"?: components["parameters"]["if_match"];
            };
            path: {
                /** @description Name (percent-encoded) or id */
                model: components["parameters"]["model"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["Tried"];
            /** @description Gone */
            204: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description A route needs it, the file declares it, or an engine lists it */
            409: components["responses"]["Conflict"];
            412: components["responses"]["PreconditionFailed"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    updateModel: {
        parameters: {
            query?: {
                /** @description Check and work out everything, change nothing, answer a DryRun */
                dry_run?: components["parameters"]["dry_run"];
            };
            header?: {
                /** @description The `ETag` that the object must have, or `*` */
                "If-Match"?: components["parameters"]["if_match"];
            };
            path: {
                /** @description Name (percent-encoded) or id */
                model: components["parameters"]["model"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ModelChange"];
            };
        };
        responses: {
            /** @description The model; with `dry_run=true` what would change */
            200: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Model"] | components["schemas"]["DryRun"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            408: components["responses"]["Timeout"];
            /** @description The configuration file declares it, or an engine lists it */
            409: components["responses"]["Conflict"];
            412: components["responses"]["PreconditionFailed"];
            413: components["responses"]["TooLarge"];
            414: components["responses"]["UriTooLong"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    listArtifacts: {
        parameters: {
            query?: {
                /** @description Most objects of the page */
                limit?: components["parameters"]["limit"];
                /** @description `next` of the page before */
                after?: components["parameters"]["after"];
                /** @description Of this name alone */
                name?: string;
                /** @description At this stage alone */
                stage?: components["schemas"]["ArtifactStage"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page */
            200: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ArtifactPage"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    createArtifact: {
        parameters: {
            query?: {
                /** @description Check and work out everything, change nothing, answer a DryRun */
                dry_run?: components["parameters"]["dry_run"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewArtifact"];
            };
        };
        responses: {
            200: components["responses"]["Tried"];
            /** @description The artifact */
            201: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Artifact"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            408: components["responses"]["Timeout"];
            /** @description The name is taken, its files are not there, or there are 1,000 */
            409: components["responses"]["Conflict"];
            413: components["responses"]["TooLarge"];
            414: components["responses"]["UriTooLong"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    getArtifact: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description NAME@VERSION, or id */
                artifact: components["parameters"]["artifact"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The artifact */
            200: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Artifact"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    deleteArtifact: {
        parameters: {
            query?: {
                /** @description Check and work out everything, change nothing, answer a DryRun */
                dry_run?: components["parameters"]["dry_run"];
            };
            header?: {
                /** @description The `ETag` that the object must have, or `*` */
                "If-Match"?: components["parameters"]["if_match"];
            };
            path: {
                /** @description NAME@VERSION, or id */
                artifact: components["parameters"]["artifact"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["Tried"];
            /** @description Gone */
            204: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description It is at another stage, or a model serves it */
            409: components["responses"]["Conflict"];
            412: components["responses"]["PreconditionFailed"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    updateArtifact: {
        parameters: {
            query?: {
                /** @description Check and work out everything, change nothing, answer a DryRun */
                dry_run?: components["parameters"]["dry_run"];
            };
            header?: {
                /** @description The `ETag` that the object must have, or `*` */
                "If-Match"?: components["parameters"]["if_match"];
            };
            path: {
                /** @description NAME@VERSION, or id */
                artifact: components["parameters"]["artifact"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ArtifactChange"];
            };
        };
        responses: {
            /** @description The artifact; with `dry_run=true` what would change */
            200: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Artifact"] | components["schemas"]["DryRun"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            408: components["responses"]["Timeout"];
            412: components["responses"]["PreconditionFailed"];
            413: components["responses"]["TooLarge"];
            414: components["responses"]["UriTooLong"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    moveArtifact: {
        parameters: {
            query?: {
                /** @description Check and work out everything, change nothing, answer a DryRun */
                dry_run?: components["parameters"]["dry_run"];
            };
            header?: {
                /** @description The `ETag` that the object must have, or `*` */
                "If-Match"?: components["parameters"]["if_match"];
            };
            path: {
                /** @description NAME@VERSION, or id */
                artifact: components["parameters"]["artifact"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ArtifactMove"];
            };
        };
        responses: {
            /** @description The artifact; with `dry_run=true` what would change */
            200: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Artifact"] | components["schemas"]["DryRun"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            408: components["responses"]["Timeout"];
            /** @description There is no such step, or something has to be done first */
            409: components["responses"]["Conflict"];
            412: components["responses"]["PreconditionFailed"];
            413: components["responses"]["TooLarge"];
            414: components["responses"]["UriTooLong"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    listArtifactTests: {
        parameters: {
            query?: {
                /** @description Most objects of the page */
                limit?: components["parameters"]["limit"];
                /** @description `next` of the page before */
                after?: components["parameters"]["after"];
            };
            header?: never;
            path: {
                /** @description NAME@VERSION, or id */
                artifact: components["parameters"]["artifact"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page */
            200: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TestRunPage"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    addArtifactTest: {
        parameters: {
            query?: {
                /** @description Check and work out everything, change nothing, answer a DryRun */
                dry_run?: components["parameters"]["dry_run"];
            };
            header?: never;
            path: {
                /** @description NAME@VERSION, or id */
                artifact: components["parameters"]["artifact"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewTestRun"];
            };
        };
        responses: {
            200: components["responses"]["Tried"];
            /** @description The test run */
            201: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TestRun"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            408: components["responses"]["Timeout"];
            413: components["responses"]["TooLarge"];
            414: components["responses"]["UriTooLong"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    listEngines: {
        parameters: {
            query?: {
                /** @description Most objects of the page */
                limit?: components["parameters"]["limit"];
                /** @description `next` of the page before */
                after?: components["parameters"]["after"];
                /** @description Those that only this may change */
                managed_by?: components["parameters"]["managed_by"];
                /** @description Those with this in their name, display name or (of keys) id, in any case */
                q?: components["parameters"]["q"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page */
            200: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EnginePage"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    createEngine: {
        parameters: {
            query?: {
                /** @description Check and work out everything, change nothing, answer a DryRun */
                dry_run?: components["parameters"]["dry_run"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewEngine"];
            };
        };
        responses: {
            200: components["responses"]["Tried"];
            /** @description The engine */
            201: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Engine"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            408: components["responses"]["Timeout"];
            /** @description The name is taken, or there are 64 */
            409: components["responses"]["Conflict"];
            413: components["responses"]["TooLarge"];
            414: components["responses"]["UriTooLong"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    getEngine: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Name or id */
                engine: components["parameters"]["engine"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The engine; an ETag only for one that was made here */
            200: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Engine"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    putEngine: {
        parameters: {
            query?: {
                /** @description Check and work out everything, change nothing, answer a DryRun */
                dry_run?: components["parameters"]["dry_run"];
            };
            header?: {
                /** @description The `ETag` that the object must have, or `*` */
                "If-Match"?: components["parameters"]["if_match"];
            };
            path: {
                /** @description Name or id */
                engine: components["parameters"]["engine"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewEngine"];
            };
        };
        responses: {
            /** @description The engine; with `dry_run=true` what would change */
            200: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Engine"] | components["schemas"]["DryRun"];
                };
            };
            /** @description The engine is new */
            201: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Engine"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            408: components["responses"]["Timeout"];
            /** @description A model needs it, there are 64, or the file declares it */
            409: components["responses"]["Conflict"];
            412: components["responses"]["PreconditionFailed"];
            413: components["responses"]["TooLarge"];
            414: components["responses"]["UriTooLong"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    deleteEngine: {
        parameters: {
            query?: {
                /** @description Check and work out everything, change nothing, answer a DryRun */
                dry_run?: components["parameters"]["dry_run"];
            };
            header?: {
                /** @description The `ETag` that the object must have, or `*` */
                "If-Match"?: components["parameters"]["if_match"];
            };
            path: {
                /** @description Name or id */
                engine: components["parameters"]["engine"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["Tried"];
            /** @description Gone */
            204: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description A model needs it, or the file declares it */
            409: components["responses"]["Conflict"];
            412: components["responses"]["PreconditionFailed"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    stopEngine: {
        parameters: {
            query?: {
                /** @description Check and work out everything, change nothing, answer a DryRun */
                dry_run?: components["parameters"]["dry_run"];
            };
            header?: {
                /** @description The `ETag` that the object must have, or `*` */
                "If-Match"?: components["parameters"]["if_match"];
            };
            path: {
                /** @description Name or id */
                engine: components["parameters"]["engine"];
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["EngineStop"];
            };
        };
        responses: {
            /** @description The engine, `draining` or `stopped`; with `dry_run=true` what would change */
            200: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Engine"] | components["schemas"]["DryRun"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            408: components["responses"]["Timeout"];
            412: components["responses"]["PreconditionFailed"];
            413: components["responses"]["TooLarge"];
            414: components["responses"]["UriTooLong"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    startEngine: {
        parameters: {
            query?: {
                /** @description Check and work out everything, change nothing, answer a DryRun */
                dry_run?: components["parameters"]["dry_run"];
            };
            header?: {
                /** @description The `ETag` that the object must have, or `*` */
                "If-Match"?: components["parameters"]["if_match"];
            };
            path: {
                /** @description Name or id */
                engine: components["parameters"]["engine"];
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["Nothing"];
            };
        };
        responses: {
            /** @description The engine; with `dry_run=true` what would change */
            200: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Engine"] | components["schemas"]["DryRun"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            408: components["responses"]["Timeout"];
            412: components["responses"]["PreconditionFailed"];
            413: components["responses"]["TooLarge"];
            414: components["responses"]["UriTooLong"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    getEngineLog: {
        parameters: {
            query?: {
                /** @description At most so many, the newest; 200 are kept */
                lines?: number;
            };
            header?: never;
            path: {
                /** @description Name or id */
                engine: components["parameters"]["engine"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The lines */
            200: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EngineLog"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description It runs elsewhere, and its log is kept there */
            409: components["responses"]["Conflict"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    listRoutes: {
        parameters: {
            query?: {
                /** @description Most objects of the page */
                limit?: components["parameters"]["limit"];
                /** @description `next` of the page before */
                after?: components["parameters"]["after"];
                /** @description Those that only this may change */
                managed_by?: components["parameters"]["managed_by"];
                /** @description Those with this in their name, display name or (of keys) id, in any case */
                q?: components["parameters"]["q"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page */
            200: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RoutePage"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    createRoute: {
        parameters: {
            query?: {
                /** @description Check and work out everything, change nothing, answer a DryRun */
                dry_run?: components["parameters"]["dry_run"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RouteSpec"];
            };
        };
        responses: {
            200: components["responses"]["Tried"];
            /** @description The route */
            201: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Route"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            408: components["responses"]["Timeout"];
            /** @description The name is taken, by the file as well, or there are 256 */
            409: components["responses"]["Conflict"];
            413: components["responses"]["TooLarge"];
            414: components["responses"]["UriTooLong"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    getRoute: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Name (percent-encoded) */
                route: components["parameters"]["route"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The route; an ETag only for one that was made here */
            200: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Route"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    putRoute: {
        parameters: {
            query?: {
                /** @description Check and work out everything, change nothing, answer a DryRun */
                dry_run?: components["parameters"]["dry_run"];
            };
            header?: {
                /** @description The `ETag` that the object must have, or `*` */
                "If-Match"?: components["parameters"]["if_match"];
            };
            path: {
                /** @description Name (percent-encoded) */
                route: components["parameters"]["route"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RouteSpec"];
            };
        };
        responses: {
            /** @description The route, which was there; with `dry_run=true` what would change */
            200: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Route"] | components["schemas"]["DryRun"];
                };
            };
            /** @description The route, which is new */
            201: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Route"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            408: components["responses"]["Timeout"];
            /** @description The file declares it, a rollout goes on and versions or weights would change, or there are 256 */
            409: components["responses"]["Conflict"];
            412: components["responses"]["PreconditionFailed"];
            413: components["responses"]["TooLarge"];
            414: components["responses"]["UriTooLong"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    deleteRoute: {
        parameters: {
            query?: {
                /** @description Check and work out everything, change nothing, answer a DryRun */
                dry_run?: components["parameters"]["dry_run"];
            };
            header?: {
                /** @description The `ETag` that the object must have, or `*` */
                "If-Match"?: components["parameters"]["if_match"];
            };
            path: {
                /** @description Name (percent-encoded) */
                route: components["parameters"]["route"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["Tried"];
            /** @description Gone */
            204: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description The file declares it, a rollout goes on, or another route falls back to it */
            409: components["responses"]["Conflict"];
            412: components["responses"]["PreconditionFailed"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    updateRoute: {
        parameters: {
            query?: {
                /** @description Check and work out everything, change nothing, answer a DryRun */
                dry_run?: components["parameters"]["dry_run"];
            };
            header?: {
                /** @description The `ETag` that the object must have, or `*` */
                "If-Match"?: components["parameters"]["if_match"];
            };
            path: {
                /** @description Name (percent-encoded) */
                route: components["parameters"]["route"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["RouteChange"];
            };
        };
        responses: {
            /** @description The route; with `dry_run=true` what would change */
            200: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Route"] | components["schemas"]["DryRun"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            408: components["responses"]["Timeout"];
            /** @description The file declares it, or a rollout goes on and versions or weights would change */
            409: components["responses"]["Conflict"];
            412: components["responses"]["PreconditionFailed"];
            413: components["responses"]["TooLarge"];
            414: components["responses"]["UriTooLong"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    getRouteMirror: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Name (percent-encoded) */
                route: components["parameters"]["route"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What came of the copies */
            200: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Mirror"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    listRollouts: {
        parameters: {
            query?: {
                /** @description Most objects of the page */
                limit?: components["parameters"]["limit"];
                /** @description `next` of the page before */
                after?: components["parameters"]["after"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page */
            200: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RolloutPage"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    startRollout: {
        parameters: {
            query?: {
                /** @description Check and work out everything, change nothing, answer a DryRun */
                dry_run?: components["parameters"]["dry_run"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewRollout"];
            };
        };
        responses: {
            200: components["responses"]["Tried"];
            /** @description The rollout, with details */
            201: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Rollout"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            408: components["responses"]["Timeout"];
            /** @description A rollout of this route goes on, or the plan does not fit the route */
            409: components["responses"]["Conflict"];
            413: components["responses"]["TooLarge"];
            414: components["responses"]["UriTooLong"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    getRollout: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Name (percent-encoded) */
                route: components["parameters"]["route"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The rollout, with details */
            200: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Rollout"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    pauseRollout: {
        parameters: {
            query?: {
                /** @description Check and work out everything, change nothing, answer a DryRun */
                dry_run?: components["parameters"]["dry_run"];
            };
            header?: {
                /** @description The `ETag` that the object must have, or `*` */
                "If-Match"?: components["parameters"]["if_match"];
            };
            path: {
                /** @description Name (percent-encoded) */
                route: components["parameters"]["route"];
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["Nothing"];
            };
        };
        responses: {
            /** @description The rollout, with details; with `dry_run=true` what would change */
            200: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Rollout"] | components["schemas"]["DryRun"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            408: components["responses"]["Timeout"];
            /** @description Its state does not allow it */
            409: components["responses"]["Conflict"];
            412: components["responses"]["PreconditionFailed"];
            413: components["responses"]["TooLarge"];
            414: components["responses"]["UriTooLong"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    resumeRollout: {
        parameters: {
            query?: {
                /** @description Check and work out everything, change nothing, answer a DryRun */
                dry_run?: components["parameters"]["dry_run"];
            };
            header?: {
                /** @description The `ETag` that the object must have, or `*` */
                "If-Match"?: components["parameters"]["if_match"];
            };
            path: {
                /** @description Name (percent-encoded) */
                route: components["parameters"]["route"];
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["Nothing"];
            };
        };
        responses: {
            /** @description The rollout, with details; with `dry_run=true` what would change */
            200: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Rollout"] | components["schemas"]["DryRun"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            408: components["responses"]["Timeout"];
            /** @description Its state does not allow it */
            409: components["responses"]["Conflict"];
            412: components["responses"]["PreconditionFailed"];
            413: components["responses"]["TooLarge"];
            414: components["responses"]["UriTooLong"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    promoteRollout: {
        parameters: {
            query?: {
                /** @description Check and work out everything, change nothing, answer a DryRun */
                dry_run?: components["parameters"]["dry_run"];
            };
            header?: {
                /** @description The `ETag` that the object must have, or `*` */
                "If-Match"?: components["parameters"]["if_match"];
            };
            path: {
                /** @description Name (percent-encoded) */
                route: components["parameters"]["route"];
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["Nothing"];
            };
        };
        responses: {
            /** @description The rollout, with details; with `dry_run=true` what would change */
            200: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Rollout"] | components["schemas"]["DryRun"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            408: components["responses"]["Timeout"];
            /** @description Its state does not allow it, or the candidate is not ready */
            409: components["responses"]["Conflict"];
            412: components["responses"]["PreconditionFailed"];
            413: components["responses"]["TooLarge"];
            414: components["responses"]["UriTooLong"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    abortRollout: {
        parameters: {
            query?: {
                /** @description Check and work out everything, change nothing, answer a DryRun */
                dry_run?: components["parameters"]["dry_run"];
            };
            header?: {
                /** @description The `ETag` that the object must have, or `*` */
                "If-Match"?: components["parameters"]["if_match"];
            };
            path: {
                /** @description Name (percent-encoded) */
                route: components["parameters"]["route"];
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["Abort"];
            };
        };
        responses: {
            /** @description The rollout, with details; with `dry_run=true` what would change */
            200: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Rollout"] | components["schemas"]["DryRun"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            408: components["responses"]["Timeout"];
            /** @description Its state does not allow it */
            409: components["responses"]["Conflict"];
            412: components["responses"]["PreconditionFailed"];
            413: components["responses"]["TooLarge"];
            414: components["responses"]["UriTooLong"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    listLimits: {
        parameters: {
            query?: {
                /** @description Most objects of the page */
                limit?: components["parameters"]["limit"];
                /** @description `next` of the page before */
                after?: components["parameters"]["after"];
                /** @description Slug or id: of this one alone */
                tenant?: components["parameters"]["of_tenant"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page */
            200: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LimitPage"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    putLimit: {
        parameters: {
            query?: {
                /** @description Check and work out everything, change nothing, answer a DryRun */
                dry_run?: components["parameters"]["dry_run"];
            };
            header?: {
                /** @description The `ETag` that the object must have, or `*` */
                "If-Match"?: components["parameters"]["if_match"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewLimit"];
            };
        };
        responses: {
            /** @description The limit, which was there; with `dry_run=true` what would change */
            200: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Limit"] | components["schemas"]["DryRun"];
                };
            };
            /** @description The limit, which is new */
            201: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Limit"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            408: components["responses"]["Timeout"];
            /** @description The file declares it, its name is taken, or there are 10,000 */
            409: components["responses"]["Conflict"];
            412: components["responses"]["PreconditionFailed"];
            413: components["responses"]["TooLarge"];
            414: components["responses"]["UriTooLong"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    createLimit: {
        parameters: {
            query?: {
                /** @description Check and work out everything, change nothing, answer a DryRun */
                dry_run?: components["parameters"]["dry_run"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewLimit"];
            };
        };
        responses: {
            200: components["responses"]["Tried"];
            /** @description The limit */
            201: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Limit"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            408: components["responses"]["Timeout"];
            /** @description There is this limit already, its name is taken, or there are 10,000 */
            409: components["responses"]["Conflict"];
            413: components["responses"]["TooLarge"];
            414: components["responses"]["UriTooLong"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    getLimit: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id or name (percent-encoded) */
                limit: components["parameters"]["limit_name"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The limit */
            200: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Limit"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    deleteLimit: {
        parameters: {
            query?: {
                /** @description Check and work out everything, change nothing, answer a DryRun */
                dry_run?: components["parameters"]["dry_run"];
            };
            header?: {
                /** @description The `ETag` that the object must have, or `*` */
                "If-Match"?: components["parameters"]["if_match"];
            };
            path: {
                /** @description Id or name (percent-encoded) */
                limit: components["parameters"]["limit_name"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["Tried"];
            /** @description Gone */
            204: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description The configuration file declares it */
            409: components["responses"]["Conflict"];
            412: components["responses"]["PreconditionFailed"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    updateLimit: {
        parameters: {
            query?: {
                /** @description Check and work out everything, change nothing, answer a DryRun */
                dry_run?: components["parameters"]["dry_run"];
            };
            header?: {
                /** @description The `ETag` that the object must have, or `*` */
                "If-Match"?: components["parameters"]["if_match"];
            };
            path: {
                /** @description Id or name (percent-encoded) */
                limit: components["parameters"]["limit_name"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["LimitChange"];
            };
        };
        responses: {
            /** @description The limit; with `dry_run=true` what would change */
            200: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Limit"] | components["schemas"]["DryRun"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            408: components["responses"]["Timeout"];
            /** @description The file declares it, or the name is taken */
            409: components["responses"]["Conflict"];
            412: components["responses"]["PreconditionFailed"];
            413: components["responses"]["TooLarge"];
            414: components["responses"]["UriTooLong"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    listPrices: {
        parameters: {
            query?: {
                /** @description Most objects of the page */
                limit?: components["parameters"]["limit"];
                /** @description `next` of the page before */
                after?: components["parameters"]["after"];
                /** @description Of this one alone */
                model?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page */
            200: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PricePage"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    getPrice: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id, as p-0123456789ab */
                price: components["parameters"]["price"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The price */
            200: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Price"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    listPoolParts: {
        parameters: {
            query?: {
                /** @description Most objects of the page */
                limit?: components["parameters"]["limit"];
                /** @description `next` of the page before */
                after?: components["parameters"]["after"];
                /** @description Of this one alone; empty: that of the engines in no pool */
                pool?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page */
            200: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PoolPartPage"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    getPool: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Name */
                pool: components["parameters"]["pool"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The pool */
            200: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Pool"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    setPoolShare: {
        parameters: {
            query?: {
                /** @description Check and work out everything, change nothing, answer a DryRun */
                dry_run?: components["parameters"]["dry_run"];
            };
            header?: {
                /** @description The `ETag` that the object must have, or `*` */
                "If-Match"?: components["parameters"]["if_match"];
            };
            path: {
                /** @description Name */
                pool: components["parameters"]["pool"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PoolShareChange"];
            };
        };
        responses: {
            /** @description The share, which was there; with `dry_run=true` what would change */
            200: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PoolShare"] | components["schemas"]["DryRun"];
                };
            };
            /** @description The share, which is new */
            201: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PoolShare"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            408: components["responses"]["Timeout"];
            /** @description The file declares the share, or there are 10,000 */
            409: components["responses"]["Conflict"];
            412: components["responses"]["PreconditionFailed"];
            413: components["responses"]["TooLarge"];
            414: components["responses"]["UriTooLong"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    removePoolShare: {
        parameters: {
            query?: {
                /** @description Check and work out everything, change nothing, answer a DryRun */
                dry_run?: components["parameters"]["dry_run"];
            };
            header?: {
                /** @description The `ETag` that the object must have, or `*` */
                "If-Match"?: components["parameters"]["if_match"];
            };
            path: {
                /** @description Name */
                pool: components["parameters"]["pool"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PoolShareHolder"];
            };
        };
        responses: {
            200: components["responses"]["Tried"];
            /** @description Gone */
            204: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            408: components["responses"]["Timeout"];
            /** @description The configuration file declares it */
            409: components["responses"]["Conflict"];
            412: components["responses"]["PreconditionFailed"];
            413: components["responses"]["TooLarge"];
            414: components["responses"]["UriTooLong"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    getUsage: {
        parameters: {
            query?: {
                /** @description Slug or id; absent: all of them */
                tenant?: components["schemas"]["TenantRef"];
                /** @description What to tell apart */
                by?: components["schemas"]["UsageGrouping"];
                /** @description Inclusive */
                from?: components["schemas"]["DayOrTime"];
                /** @description Exclusive */
                until?: components["schemas"]["DayOrTime"];
                /** @description Instead of `from` and `until` */
                month?: components["schemas"]["Month"];
                /** @description Slug (with `tenant`) or id */
                project?: string;
                key?: components["schemas"]["KeyId"];
                model?: string;
                /** @description Owner of keys */
                user?: string;
                cost_centre?: string;
                engine?: string;
                /** @description Of the answer */
                format?: "json" | "csv" | "text";
                /** @description Bars as text/plain, instead of `format` */
                chart?: "tokens" | "requests" | "cost";
                /** @description Of a chart's lines, in characters */
                width?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One sum for each group and currency */
            200: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Usage"];
                    "text/csv": string;
                    "text/plain": string;
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    getUsageForecast: {
        parameters: {
            query: {
                /** @description Slug or id */
                tenant: components["schemas"]["TenantRef"];
                /** @description Of the answer */
                format?: "json" | "csv" | "text";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The projection */
            200: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Forecast"];
                    "text/csv": string;
                    "text/plain": string;
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    getStatement: {
        parameters: {
            query?: {
                /** @description Of the answer */
                format?: "json" | "csv" | "text" | "html";
            };
            header?: never;
            path: {
                /** @description Slug or id, also of one that was deleted */
                tenant: components["parameters"]["statement_tenant"];
                /** @description As 2027-01 */
                month: components["parameters"]["month"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The statement; an ETag (`"sha256:..."` of the JSON) only of one that is closed */
            200: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Statement"];
                    "text/csv": string;
                    "text/plain": string;
                    "text/html": string;
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    createAdjustment: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Slug or id, also of one that was deleted */
                tenant: components["parameters"]["statement_tenant"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewAdjustment"];
            };
        };
        responses: {
            /** @description The adjustment */
            201: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Adjustment"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            408: components["responses"]["Timeout"];
            /** @description The id was used with another amount or reason, or the tenant has 10,000 */
            409: components["responses"]["Conflict"];
            413: components["responses"]["TooLarge"];
            414: components["responses"]["UriTooLong"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    listRequests: {
        parameters: {
            query?: {
                /** @description Most objects of the page */
                limit?: components["parameters"]["limit"];
                /** @description `next` of the page before */
                after?: string;
                /** @description Slug or id; for people of several tenants required */
                tenant?: components["schemas"]["TenantRef"];
                /** @description Slug (with `tenant`) or id */
                project?: string;
                key?: components["schemas"]["KeyId"];
                /** @description That was asked for */
                model?: string;
                status?: components["schemas"]["RequestStatus"];
                /** @description Ended (of running ones: begun) at this time or later */
                since?: string;
                /** @description The same before this time */
                until?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page */
            200: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RequestPage"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    explainRequest: {
        parameters: {
            query?: {
                /** @description Of the answer */
                format?: "json" | "text";
            };
            header?: never;
            path: {
                /** @description `req_` and 32 hexadecimal digits (x-sm-request-id of the answer), these digits alone, or the ULID */
                request: components["parameters"]["request"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The explanation */
            200: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Explanation"];
                    "text/plain": string;
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    getLive: {
        parameters: {
            query?: {
                /** @description Slug or id: of this one alone */
                tenant?: components["parameters"]["of_tenant"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The figures */
            200: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Live"];
                    "text/event-stream": string;
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    listEvents: {
        parameters: {
            query?: {
                /** @description Most objects of the page */
                limit?: components["parameters"]["limit"];
                /** @description `next` of the page before */
                after?: string;
                /** @description Slug or id: of this one alone */
                tenant?: components["parameters"]["of_tenant"];
                /** @description `engine.state`, or `engine.*` */
                kind?: string;
                /** @description As bad as this or worse */
                severity?: components["schemas"]["Severity"];
            };
            header?: {
                /** @description Of a stream: the `id` seen last. A page does not read it */
                "Last-Event-ID"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page */
            200: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EventPage"];
                    "text/event-stream": string;
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    listWebhooks: {
        parameters: {
            query?: {
                /** @description Most objects of the page */
                limit?: components["parameters"]["limit"];
                /** @description `next` of the page before */
                after?: components["parameters"]["after"];
                /** @description Slug or id: of this one alone */
                tenant?: components["parameters"]["of_tenant"];
                /** @description Those that only this may change */
                managed_by?: components["parameters"]["managed_by"];
                /** @description Those with this in their name, display name or (of keys) id, in any case */
                q?: components["parameters"]["q"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page */
            200: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["WebhookPage"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    createWebhook: {
        parameters: {
            query?: {
                /** @description Check and work out everything, change nothing, answer a DryRun */
                dry_run?: components["parameters"]["dry_run"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewWebhook"];
            };
        };
        responses: {
            200: components["responses"]["Tried"];
            /** @description The webhook; its secret stands in `secret` this once */
            201: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NewWebhookShown"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            408: components["responses"]["Timeout"];
            /** @description The owner has one of this name or 16 of them, there are 500, or no place is allowed */
            409: components["responses"]["Conflict"];
            413: components["responses"]["TooLarge"];
            414: components["responses"]["UriTooLong"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    getWebhook: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id, or the name of one of the platform's */
                webhook: components["parameters"]["webhook"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The webhook */
            200: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Webhook"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    putWebhook: {
        parameters: {
            query?: {
                /** @description Check and work out everything, change nothing, answer a DryRun */
                dry_run?: components["parameters"]["dry_run"];
            };
            header?: {
                /** @description The `ETag` that the object must have, or `*` */
                "If-Match"?: components["parameters"]["if_match"];
            };
            path: {
                /** @description Id, or the name of one of the platform's */
                webhook: components["parameters"]["webhook"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["WebhookWhole"];
            };
        };
        responses: {
            /** @description The webhook; with `dry_run=true` what would change */
            200: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Webhook"] | components["schemas"]["DryRun"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            408: components["responses"]["Timeout"];
            409: components["responses"]["Conflict"];
            412: components["responses"]["PreconditionFailed"];
            413: components["responses"]["TooLarge"];
            414: components["responses"]["UriTooLong"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    deleteWebhook: {
        parameters: {
            query?: {
                /** @description Check and work out everything, change nothing, answer a DryRun */
                dry_run?: components["parameters"]["dry_run"];
            };
            header?: {
                /** @description The `ETag` that the object must have, or `*` */
                "If-Match"?: components["parameters"]["if_match"];
            };
            path: {
                /** @description Id, or the name of one of the platform's */
                webhook: components["parameters"]["webhook"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["Tried"];
            /** @description Gone */
            204: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            412: components["responses"]["PreconditionFailed"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    updateWebhook: {
        parameters: {
            query?: {
                /** @description Check and work out everything, change nothing, answer a DryRun */
                dry_run?: components["parameters"]["dry_run"];
            };
            header?: {
                /** @description The `ETag` that the object must have, or `*` */
                "If-Match"?: components["parameters"]["if_match"];
            };
            path: {
                /** @description Id, or the name of one of the platform's */
                webhook: components["parameters"]["webhook"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["WebhookChange"];
            };
        };
        responses: {
            /** @description The webhook; with `dry_run=true` what would change */
            200: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Webhook"] | components["schemas"]["DryRun"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            408: components["responses"]["Timeout"];
            409: components["responses"]["Conflict"];
            412: components["responses"]["PreconditionFailed"];
            413: components["responses"]["TooLarge"];
            414: components["responses"]["UriTooLong"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    rotateWebhook: {
        parameters: {
            query?: {
                /** @description Check and work out everything, change nothing, answer a DryRun */
                dry_run?: components["parameters"]["dry_run"];
            };
            header?: {
                /** @description The `ETag` that the object must have, or `*` */
                "If-Match"?: components["parameters"]["if_match"];
            };
            path: {
                /** @description Id, or the name of one of the platform's */
                webhook: components["parameters"]["webhook"];
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["Nothing"];
            };
        };
        responses: {
            /** @description The webhook; its secret stands in `secret` this once; with `dry_run=true` what would change */
            200: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NewWebhookShown"] | components["schemas"]["DryRun"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            408: components["responses"]["Timeout"];
            409: components["responses"]["Conflict"];
            412: components["responses"]["PreconditionFailed"];
            413: components["responses"]["TooLarge"];
            414: components["responses"]["UriTooLong"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    testWebhook: {
        parameters: {
            query?: {
                /** @description Check and work out everything, change nothing, answer a DryRun */
                dry_run?: components["parameters"]["dry_run"];
            };
            header?: {
                /** @description The `ETag` that the object must have, or `*` */
                "If-Match"?: components["parameters"]["if_match"];
            };
            path: {
                /** @description Id, or the name of one of the platform's */
                webhook: components["parameters"]["webhook"];
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["Nothing"];
            };
        };
        responses: {
            200: components["responses"]["Tried"];
            /** @description The webhook; the event is on its way */
            202: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Webhook"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            408: components["responses"]["Timeout"];
            /** @description It is disabled, its URL is not allowed, or its secret cannot be read until it is rotated */
            409: components["responses"]["Conflict"];
            412: components["responses"]["PreconditionFailed"];
            413: components["responses"]["TooLarge"];
            414: components["responses"]["UriTooLong"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    verifyLedger: {
        parameters: {
            query?: {
                /** @description Of the answer */
                format?: "json" | "text";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What was found */
            200: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["LedgerCheck"];
                    "text/plain": string;
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    listAuditEntries: {
        parameters: {
            query?: {
                /** @description Most objects of the page */
                limit?: components["parameters"]["limit"];
                /** @description `next` of the page before */
                after?: string;
                /** @description Slug or id, also of one that was deleted */
                tenant?: components["schemas"]["TenantRef"];
                /** @description `key.create`, or `key.*` */
                action?: string;
                /** @description `key/7Gh2...`, or `key/*` */
                object?: string;
                /** @description A user of the tenant, without `tenant` an administrator */
                subject?: string;
                /** @description Inclusive */
                from?: components["schemas"]["Time"];
                /** @description Exclusive */
                until?: components["schemas"]["Time"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page */
            200: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AuditEntryPage"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    getAuditEntry: {
        parameters: {
            query?: {
                /** @description Decrypt what is kept beside the log */
                detail?: boolean;
            };
            header?: never;
            path: {
                /** @description Number, or a request's id: req_... */
                entry: components["parameters"]["entry"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The entry */
            200: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AuditEntryShown"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    getAuditProof: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Number, or a request's id: req_... */
                entry: components["parameters"]["entry"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Its bytes, the inclusion proof, the checkpoint and the log's keys */
            200: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AuditProof"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    getAuditCheckpoint: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The signed note and the log's keys */
            200: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AuditCheckpoint"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    exportAudit: {
        parameters: {
            query: {
                /** @description Slug or id */
                tenant: components["schemas"]["TenantRef"];
                /** @description Of the checkpoint that the proofs are for, in entries */
                size: number;
                /** @description `next` of the page before */
                after?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description At most 1,000 entries, newest first */
            200: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AuditExportPage"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    listHolds: {
        parameters: {
            query?: {
                /** @description Most objects of the page */
                limit?: components["parameters"]["limit"];
                /** @description `next` of the page before */
                after?: components["parameters"]["after"];
                /** @description Slug or id: of this one alone */
                tenant?: components["parameters"]["of_tenant"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page */
            200: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HoldPage"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    hold: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["HoldOf"];
            };
        };
        responses: {
            /** @description The entry's number, and whether anybody of that name is known */
            200: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["HoldSet"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            408: components["responses"]["Timeout"];
            /** @description There is a hold of them already */
            409: components["responses"]["Conflict"];
            413: components["responses"]["TooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    releaseHold: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["HoldOf"];
            };
        };
        responses: {
            /** @description The entry's number */
            200: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EntryIndex"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            408: components["responses"]["Timeout"];
            413: components["responses"]["TooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    erase: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ErasureOf"];
            };
        };
        responses: {
            /** @description What was done */
            200: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Erasure"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            408: components["responses"]["Timeout"];
            /** @description A legal hold is on */
            409: components["responses"]["Conflict"];
            413: components["responses"]["TooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    addWitnessed: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Witnessed"];
            };
        };
        responses: {
            /** @description The entry's number */
            200: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EntryIndex"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            408: components["responses"]["Timeout"];
            413: components["responses"]["TooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    noteBackup: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Backup"];
            };
        };
        responses: {
            /** @description The entry's number */
            200: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EntryIndex"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            408: components["responses"]["Timeout"];
            413: components["responses"]["TooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    rotateAuditKey: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["Reason"];
            };
        };
        responses: {
            /** @description The entry's number */
            200: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EntryIndex"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            408: components["responses"]["Timeout"];
            413: components["responses"]["TooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    getSystem: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The state */
            200: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["System"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    listRoles: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All of them */
            200: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RolePage"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    getConfig: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The configuration */
            200: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EffectiveConfig"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    signIn: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Login"];
            };
        };
        responses: {
            /** @description Who it is, what they may, and the CSRF token */
            201: {
                headers: {
                    "Set-Cookie": components["headers"]["SessionCookie"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Session"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            408: components["responses"]["Timeout"];
            413: components["responses"]["TooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    getSession: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The session; `user` is null for the token and the socket */
            200: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Session"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    signOut: {
        parameters: {
            query?: never;
            header?: {
                /** @description The `ETag` that the object must have, or `*` */
                "If-Match"?: components["parameters"]["if_match"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Gone */
            204: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            412: components["responses"]["PreconditionFailed"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    setUp: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SetUp"];
            };
        };
        responses: {
            /** @description The user */
            201: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["User"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            408: components["responses"]["Timeout"];
            /** @description The login is taken */
            409: components["responses"]["Conflict"];
            413: components["responses"]["TooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    createSetupToken: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["Nothing"];
            };
        };
        responses: {
            /** @description The token: shown this once */
            201: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SetupToken"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            408: components["responses"]["Timeout"];
            413: components["responses"]["TooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    listUsers: {
        parameters: {
            query?: {
                /** @description Most objects of the page */
                limit?: components["parameters"]["limit"];
                /** @description `next` of the page before */
                after?: components["parameters"]["after"];
                /** @description Slug or id: of this one alone */
                tenant?: components["parameters"]["of_tenant"];
                /** @description Those that only this may change */
                managed_by?: components["parameters"]["managed_by"];
                /** @description Those with this in their name, display name or (of keys) id, in any case */
                q?: components["parameters"]["q"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page */
            200: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UserPage"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    createUser: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewUser"];
            };
        };
        responses: {
            /** @description The user */
            201: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["User"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            408: components["responses"]["Timeout"];
            /** @description The login is taken */
            409: components["responses"]["Conflict"];
            413: components["responses"]["TooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    getUser: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Login or id */
                user: components["parameters"]["user"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The user */
            200: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["User"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    deleteUser: {
        parameters: {
            query?: never;
            header?: {
                /** @description The `ETag` that the object must have, or `*` */
                "If-Match"?: components["parameters"]["if_match"];
            };
            path: {
                /** @description Login or id */
                user: components["parameters"]["user"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Gone */
            204: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description The own account, or one under a legal hold */
            409: components["responses"]["Conflict"];
            412: components["responses"]["PreconditionFailed"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    updateUser: {
        parameters: {
            query?: never;
            header?: {
                /** @description The `ETag` that the object must have, or `*` */
                "If-Match"?: components["parameters"]["if_match"];
            };
            path: {
                /** @description Login or id */
                user: components["parameters"]["user"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["UserChange"];
            };
        };
        responses: {
            /** @description The user */
            200: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["User"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            408: components["responses"]["Timeout"];
            /** @description The login is taken, the own account cannot be disabled, or the login is under a legal hold */
            409: components["responses"]["Conflict"];
            412: components["responses"]["PreconditionFailed"];
            413: components["responses"]["TooLarge"];
            414: components["responses"]["UriTooLong"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    listSessions: {
        parameters: {
            query?: {
                /** @description Most objects of the page */
                limit?: components["parameters"]["limit"];
                /** @description `next` of the page before */
                after?: components["parameters"]["after"];
            };
            header?: never;
            path: {
                /** @description Login or id */
                user: components["parameters"]["user"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page */
            200: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UserSessionPage"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    endSessions: {
        parameters: {
            query?: never;
            header?: {
                /** @description The `ETag` that the object must have, or `*` */
                "If-Match"?: components["parameters"]["if_match"];
            };
            path: {
                /** @description Login or id */
                user: components["parameters"]["user"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Gone */
            204: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            412: components["responses"]["PreconditionFailed"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    endSession: {
        parameters: {
            query?: never;
            header?: {
                /** @description The `ETag` that the object must have, or `*` */
                "If-Match"?: components["parameters"]["if_match"];
            };
            path: {
                /** @description Login or id */
                user: components["parameters"]["user"];
                /** @description Id */
                session: components["parameters"]["session"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Gone */
            204: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            412: components["responses"]["PreconditionFailed"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    listTokens: {
        parameters: {
            query?: {
                /** @description Most objects of the page */
                limit?: components["parameters"]["limit"];
                /** @description `next` of the page before */
                after?: components["parameters"]["after"];
            };
            header?: never;
            path: {
                /** @description Login or id */
                user: components["parameters"]["user"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page */
            200: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AccessTokenPage"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    createToken: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Login or id */
                user: components["parameters"]["user"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewAccessToken"];
            };
        };
        responses: {
            /** @description The token; its text stands in `token` this once */
            201: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AccessTokenShown"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            408: components["responses"]["Timeout"];
            /** @description The user has 20 or one of this name, or is disabled */
            409: components["responses"]["Conflict"];
            412: components["responses"]["PreconditionFailed"];
            413: components["responses"]["TooLarge"];
            414: components["responses"]["UriTooLong"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    deleteToken: {
        parameters: {
            query?: never;
            header?: {
                /** @description The `ETag` that the object must have, or `*` */
                "If-Match"?: components["parameters"]["if_match"];
            };
            path: {
                /** @description Login or id */
                user: components["parameters"]["user"];
                /** @description Id */
                token: components["parameters"]["access_token"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Gone */
            204: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            412: components["responses"]["PreconditionFailed"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    listMemberships: {
        parameters: {
            query?: {
                /** @description Most objects of the page */
                limit?: components["parameters"]["limit"];
                /** @description `next` of the page before */
                after?: components["parameters"]["after"];
                /** @description Slug or id: of this one alone */
                tenant?: components["parameters"]["of_tenant"];
                /** @description Login or id */
                user?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page */
            200: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MembershipPage"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    createMembership: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewMembership"];
            };
        };
        responses: {
            /** @description The membership */
            201: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Membership"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            408: components["responses"]["Timeout"];
            /** @description The user has this role there already, or the user or the tenant too many */
            409: components["responses"]["Conflict"];
            413: components["responses"]["TooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    getMembership: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id */
                membership: components["parameters"]["membership"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The membership */
            200: {
                headers: {
                    ETag: components["headers"]["ETag"];
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Membership"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
    deleteMembership: {
        parameters: {
            query?: never;
            header?: {
                /** @description The `ETag` that the object must have, or `*` */
                "If-Match"?: components["parameters"]["if_match"];
            };
            path: {
                /** @description Id */
                membership: components["parameters"]["membership"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Gone */
            204: {
                headers: {
                    "x-sm-config-revision": components["headers"]["ConfigRevision"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            /** @description The own platform-admin role, or the last role of a user whom the caller would not see any more */
            409: components["responses"]["Conflict"];
            412: components["responses"]["PreconditionFailed"];
            414: components["responses"]["UriTooLong"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Unavailable"];
        };
    };
}
