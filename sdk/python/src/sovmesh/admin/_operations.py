"""Made from api/openapi.yaml by sdk/python/generate.py. Do not edit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, Literal, cast, overload

from . import _models as m


class Operations:
    def _call(
        self,
        method: str,
        pattern: str,
        *,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, object] | None = None,
        body: Mapping[str, Any] | None = None,
        if_match: str | None = None,
    ) -> Any:
        raise NotImplementedError

    def _call_text(
        self,
        method: str,
        pattern: str,
        *,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, object] | None = None,
        body: Mapping[str, Any] | None = None,
        if_match: str | None = None,
    ) -> str:
        raise NotImplementedError

    def _pages(
        self,
        method: str,
        pattern: str,
        *,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, object] | None = None,
        body: Mapping[str, Any] | None = None,
        if_match: str | None = None,
    ) -> Iterator[Any]:
        raise NotImplementedError

    def list_tenants(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        managed_by: Literal["api", "file", "engine"] | None = None,
        q: str | None = None,
    ) -> m.TenantPage:
        """List tenants."""
        return cast(
            m.TenantPage,
            self._call(
                "GET",
                "/api/v1/tenants",
                query={"limit": limit, "after": after, "managed_by": managed_by, "q": q},
            ),
        )

    def iter_tenants(
        self,
        *,
        limit: int | None = None,
        managed_by: Literal["api", "file", "engine"] | None = None,
        q: str | None = None,
    ) -> Iterator[m.Tenant]:
        """List tenants, page after page."""
        return self._pages(
            "GET", "/api/v1/tenants", query={"limit": limit, "managed_by": managed_by, "q": q}
        )

    @overload
    def create_tenant(self, body: m.NewTenant, *, dry_run: Literal[False] = False) -> m.Tenant: ...
    @overload
    def create_tenant(self, body: m.NewTenant, *, dry_run: Literal[True]) -> m.DryRun: ...
    def create_tenant(self, body: m.NewTenant, *, dry_run: bool = False) -> Any:
        """Create a tenant and its project `default`."""
        return self._call("POST", "/api/v1/tenants", query={"dry_run": dry_run or None}, body=body)

    def get_tenant(self, tenant: str) -> m.Tenant:
        """Show a tenant."""
        return cast(
            m.Tenant, self._call("GET", "/api/v1/tenants/{tenant}", path={"tenant": tenant})
        )

    @overload
    def put_tenant(
        self,
        tenant: str,
        body: m.NewTenant,
        *,
        if_match: str | None = None,
        dry_run: Literal[False] = False,
    ) -> m.Tenant: ...
    @overload
    def put_tenant(
        self, tenant: str, body: m.NewTenant, *, if_match: str | None = None, dry_run: Literal[True]
    ) -> m.DryRun: ...
    def put_tenant(
        self, tenant: str, body: m.NewTenant, *, if_match: str | None = None, dry_run: bool = False
    ) -> Any:
        """Say all of a tenant, whether it is there or not."""
        return self._call(
            "PUT",
            "/api/v1/tenants/{tenant}",
            path={"tenant": tenant},
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    @overload
    def update_tenant(
        self,
        tenant: str,
        body: m.TenantChange,
        *,
        if_match: str | None = None,
        dry_run: Literal[False] = False,
    ) -> m.Tenant: ...
    @overload
    def update_tenant(
        self,
        tenant: str,
        body: m.TenantChange,
        *,
        if_match: str | None = None,
        dry_run: Literal[True],
    ) -> m.DryRun: ...
    def update_tenant(
        self,
        tenant: str,
        body: m.TenantChange,
        *,
        if_match: str | None = None,
        dry_run: bool = False,
    ) -> Any:
        """Change a tenant."""
        return self._call(
            "PATCH",
            "/api/v1/tenants/{tenant}",
            path={"tenant": tenant},
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    @overload
    def delete_tenant(
        self, tenant: str, *, if_match: str | None = None, dry_run: Literal[False] = False
    ) -> None: ...
    @overload
    def delete_tenant(
        self, tenant: str, *, if_match: str | None = None, dry_run: Literal[True]
    ) -> m.DryRun: ...
    def delete_tenant(
        self, tenant: str, *, if_match: str | None = None, dry_run: bool = False
    ) -> Any:
        """Delete a tenant with its projects, keys and limits."""
        return self._call(
            "DELETE",
            "/api/v1/tenants/{tenant}",
            path={"tenant": tenant},
            query={"dry_run": dry_run or None},
            if_match=if_match,
        )

    def get_tenant_settings(self, tenant: str) -> m.TenantSettings:
        """Show what a tenant has set for its own requests."""
        return cast(
            m.TenantSettings,
            self._call("GET", "/api/v1/tenants/{tenant}/settings", path={"tenant": tenant}),
        )

    @overload
    def put_tenant_settings(
        self,
        tenant: str,
        body: m.TenantSettingsChange,
        *,
        if_match: str | None = None,
        dry_run: Literal[False] = False,
    ) -> m.TenantSettings: ...
    @overload
    def put_tenant_settings(
        self,
        tenant: str,
        body: m.TenantSettingsChange,
        *,
        if_match: str | None = None,
        dry_run: Literal[True],
    ) -> m.DryRun: ...
    def put_tenant_settings(
        self,
        tenant: str,
        body: m.TenantSettingsChange,
        *,
        if_match: str | None = None,
        dry_run: bool = False,
    ) -> Any:
        """Say all of a tenant's settings anew."""
        return self._call(
            "PUT",
            "/api/v1/tenants/{tenant}/settings",
            path={"tenant": tenant},
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    @overload
    def update_tenant_settings(
        self,
        tenant: str,
        body: m.TenantSettingsChange,
        *,
        if_match: str | None = None,
        dry_run: Literal[False] = False,
    ) -> m.TenantSettings: ...
    @overload
    def update_tenant_settings(
        self,
        tenant: str,
        body: m.TenantSettingsChange,
        *,
        if_match: str | None = None,
        dry_run: Literal[True],
    ) -> m.DryRun: ...
    def update_tenant_settings(
        self,
        tenant: str,
        body: m.TenantSettingsChange,
        *,
        if_match: str | None = None,
        dry_run: bool = False,
    ) -> Any:
        """Change a tenant's settings."""
        return self._call(
            "PATCH",
            "/api/v1/tenants/{tenant}/settings",
            path={"tenant": tenant},
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    def list_projects(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        tenant: str | None = None,
        managed_by: Literal["api", "file", "engine"] | None = None,
        q: str | None = None,
    ) -> m.ProjectPage:
        """List projects."""
        return cast(
            m.ProjectPage,
            self._call(
                "GET",
                "/api/v1/projects",
                query={
                    "limit": limit,
                    "after": after,
                    "tenant": tenant,
                    "managed_by": managed_by,
                    "q": q,
                },
            ),
        )

    def iter_projects(
        self,
        *,
        limit: int | None = None,
        tenant: str | None = None,
        managed_by: Literal["api", "file", "engine"] | None = None,
        q: str | None = None,
    ) -> Iterator[m.Project]:
        """List projects, page after page."""
        return self._pages(
            "GET",
            "/api/v1/projects",
            query={"limit": limit, "tenant": tenant, "managed_by": managed_by, "q": q},
        )

    @overload
    def create_project(
        self, body: m.NewProject, *, dry_run: Literal[False] = False
    ) -> m.Project: ...
    @overload
    def create_project(self, body: m.NewProject, *, dry_run: Literal[True]) -> m.DryRun: ...
    def create_project(self, body: m.NewProject, *, dry_run: bool = False) -> Any:
        """Create a project of a tenant."""
        return self._call("POST", "/api/v1/projects", query={"dry_run": dry_run or None}, body=body)

    @overload
    def put_project(
        self, body: m.NewProject, *, if_match: str | None = None, dry_run: Literal[False] = False
    ) -> m.Project: ...
    @overload
    def put_project(
        self, body: m.NewProject, *, if_match: str | None = None, dry_run: Literal[True]
    ) -> m.DryRun: ...
    def put_project(
        self, body: m.NewProject, *, if_match: str | None = None, dry_run: bool = False
    ) -> Any:
        """Create a project, or say all of the one of this tenant and name."""
        return self._call(
            "PUT",
            "/api/v1/projects",
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    def get_project(self, project: str) -> m.Project:
        """Show a project."""
        return cast(
            m.Project, self._call("GET", "/api/v1/projects/{project}", path={"project": project})
        )

    @overload
    def update_project(
        self,
        project: str,
        body: m.ProjectChange,
        *,
        if_match: str | None = None,
        dry_run: Literal[False] = False,
    ) -> m.Project: ...
    @overload
    def update_project(
        self,
        project: str,
        body: m.ProjectChange,
        *,
        if_match: str | None = None,
        dry_run: Literal[True],
    ) -> m.DryRun: ...
    def update_project(
        self,
        project: str,
        body: m.ProjectChange,
        *,
        if_match: str | None = None,
        dry_run: bool = False,
    ) -> Any:
        """Change a project."""
        return self._call(
            "PATCH",
            "/api/v1/projects/{project}",
            path={"project": project},
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    @overload
    def delete_project(
        self, project: str, *, if_match: str | None = None, dry_run: Literal[False] = False
    ) -> None: ...
    @overload
    def delete_project(
        self, project: str, *, if_match: str | None = None, dry_run: Literal[True]
    ) -> m.DryRun: ...
    def delete_project(
        self, project: str, *, if_match: str | None = None, dry_run: bool = False
    ) -> Any:
        """Delete a project with its keys."""
        return self._call(
            "DELETE",
            "/api/v1/projects/{project}",
            path={"project": project},
            query={"dry_run": dry_run or None},
            if_match=if_match,
        )

    def list_keys(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        tenant: str | None = None,
        project: str | None = None,
        owner: str | None = None,
        managed_by: Literal["api", "file", "engine"] | None = None,
        q: str | None = None,
    ) -> m.KeyPage:
        """List keys, never their text."""
        return cast(
            m.KeyPage,
            self._call(
                "GET",
                "/api/v1/keys",
                query={
                    "limit": limit,
                    "after": after,
                    "tenant": tenant,
                    "project": project,
                    "owner": owner,
                    "managed_by": managed_by,
                    "q": q,
                },
            ),
        )

    def iter_keys(
        self,
        *,
        limit: int | None = None,
        tenant: str | None = None,
        project: str | None = None,
        owner: str | None = None,
        managed_by: Literal["api", "file", "engine"] | None = None,
        q: str | None = None,
    ) -> Iterator[m.Key]:
        """List keys, never their text, page after page."""
        return self._pages(
            "GET",
            "/api/v1/keys",
            query={
                "limit": limit,
                "tenant": tenant,
                "project": project,
                "owner": owner,
                "managed_by": managed_by,
                "q": q,
            },
        )

    @overload
    def create_key(self, body: m.NewKey, *, dry_run: Literal[False] = False) -> m.NewKeyShown: ...
    @overload
    def create_key(self, body: m.NewKey, *, dry_run: Literal[True]) -> m.DryRun: ...
    def create_key(self, body: m.NewKey, *, dry_run: bool = False) -> Any:
        """Create a key."""
        return self._call("POST", "/api/v1/keys", query={"dry_run": dry_run or None}, body=body)

    def get_key(self, key: str) -> m.Key:
        """Show a key."""
        return cast(m.Key, self._call("GET", "/api/v1/keys/{key}", path={"key": key}))

    @overload
    def put_key(
        self,
        key: str,
        body: m.KeyChange,
        *,
        if_match: str | None = None,
        dry_run: Literal[False] = False,
    ) -> m.Key: ...
    @overload
    def put_key(
        self, key: str, body: m.KeyChange, *, if_match: str | None = None, dry_run: Literal[True]
    ) -> m.DryRun: ...
    def put_key(
        self, key: str, body: m.KeyChange, *, if_match: str | None = None, dry_run: bool = False
    ) -> Any:
        """Say all of a key."""
        return self._call(
            "PUT",
            "/api/v1/keys/{key}",
            path={"key": key},
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    @overload
    def update_key(
        self,
        key: str,
        body: m.KeyChange,
        *,
        if_match: str | None = None,
        dry_run: Literal[False] = False,
    ) -> m.Key: ...
    @overload
    def update_key(
        self, key: str, body: m.KeyChange, *, if_match: str | None = None, dry_run: Literal[True]
    ) -> m.DryRun: ...
    def update_key(
        self, key: str, body: m.KeyChange, *, if_match: str | None = None, dry_run: bool = False
    ) -> Any:
        """Change a key."""
        return self._call(
            "PATCH",
            "/api/v1/keys/{key}",
            path={"key": key},
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    @overload
    def delete_key(
        self, key: str, *, if_match: str | None = None, dry_run: Literal[False] = False
    ) -> None: ...
    @overload
    def delete_key(
        self, key: str, *, if_match: str | None = None, dry_run: Literal[True]
    ) -> m.DryRun: ...
    def delete_key(self, key: str, *, if_match: str | None = None, dry_run: bool = False) -> Any:
        """Delete a key."""
        return self._call(
            "DELETE",
            "/api/v1/keys/{key}",
            path={"key": key},
            query={"dry_run": dry_run or None},
            if_match=if_match,
        )

    @overload
    def revoke_key(
        self,
        key: str,
        body: m.Nothing | None = None,
        *,
        if_match: str | None = None,
        dry_run: Literal[False] = False,
    ) -> m.Key: ...
    @overload
    def revoke_key(
        self,
        key: str,
        body: m.Nothing | None = None,
        *,
        if_match: str | None = None,
        dry_run: Literal[True],
    ) -> m.DryRun: ...
    def revoke_key(
        self,
        key: str,
        body: m.Nothing | None = None,
        *,
        if_match: str | None = None,
        dry_run: bool = False,
    ) -> Any:
        """End a key and keep its record."""
        return self._call(
            "POST",
            "/api/v1/keys/{key}/revoke",
            path={"key": key},
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    @overload
    def rotate_key(
        self,
        key: str,
        body: m.Rotation | None = None,
        *,
        if_match: str | None = None,
        dry_run: Literal[False] = False,
    ) -> m.NewKeyShown: ...
    @overload
    def rotate_key(
        self,
        key: str,
        body: m.Rotation | None = None,
        *,
        if_match: str | None = None,
        dry_run: Literal[True],
    ) -> m.DryRun: ...
    def rotate_key(
        self,
        key: str,
        body: m.Rotation | None = None,
        *,
        if_match: str | None = None,
        dry_run: bool = False,
    ) -> Any:
        """Give a key a new text."""
        return self._call(
            "POST",
            "/api/v1/keys/{key}/rotate",
            path={"key": key},
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    def list_models(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        managed_by: Literal["api", "file", "engine"] | None = None,
        q: str | None = None,
    ) -> m.ModelPage:
        """List models, those that engines list as well."""
        return cast(
            m.ModelPage,
            self._call(
                "GET",
                "/api/v1/models",
                query={"limit": limit, "after": after, "managed_by": managed_by, "q": q},
            ),
        )

    def iter_models(
        self,
        *,
        limit: int | None = None,
        managed_by: Literal["api", "file", "engine"] | None = None,
        q: str | None = None,
    ) -> Iterator[m.Model]:
        """List models, those that engines list as well, page after page."""
        return self._pages(
            "GET", "/api/v1/models", query={"limit": limit, "managed_by": managed_by, "q": q}
        )

    @overload
    def create_model(self, body: m.NewModel, *, dry_run: Literal[False] = False) -> m.Model: ...
    @overload
    def create_model(self, body: m.NewModel, *, dry_run: Literal[True]) -> m.DryRun: ...
    def create_model(self, body: m.NewModel, *, dry_run: bool = False) -> Any:
        """Offer a model."""
        return self._call("POST", "/api/v1/models", query={"dry_run": dry_run or None}, body=body)

    def get_model(self, model: str) -> m.Model:
        """Show a model."""
        return cast(m.Model, self._call("GET", "/api/v1/models/{model}", path={"model": model}))

    @overload
    def put_model(
        self,
        model: str,
        body: m.NewModel,
        *,
        if_match: str | None = None,
        dry_run: Literal[False] = False,
    ) -> m.Model: ...
    @overload
    def put_model(
        self, model: str, body: m.NewModel, *, if_match: str | None = None, dry_run: Literal[True]
    ) -> m.DryRun: ...
    def put_model(
        self, model: str, body: m.NewModel, *, if_match: str | None = None, dry_run: bool = False
    ) -> Any:
        """Say all of a model, whether it is there or not."""
        return self._call(
            "PUT",
            "/api/v1/models/{model}",
            path={"model": model},
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    @overload
    def update_model(
        self,
        model: str,
        body: m.ModelChange,
        *,
        if_match: str | None = None,
        dry_run: Literal[False] = False,
    ) -> m.Model: ...
    @overload
    def update_model(
        self,
        model: str,
        body: m.ModelChange,
        *,
        if_match: str | None = None,
        dry_run: Literal[True],
    ) -> m.DryRun: ...
    def update_model(
        self, model: str, body: m.ModelChange, *, if_match: str | None = None, dry_run: bool = False
    ) -> Any:
        """Change a model."""
        return self._call(
            "PATCH",
            "/api/v1/models/{model}",
            path={"model": model},
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    @overload
    def delete_model(
        self, model: str, *, if_match: str | None = None, dry_run: Literal[False] = False
    ) -> None: ...
    @overload
    def delete_model(
        self, model: str, *, if_match: str | None = None, dry_run: Literal[True]
    ) -> m.DryRun: ...
    def delete_model(
        self, model: str, *, if_match: str | None = None, dry_run: bool = False
    ) -> Any:
        """Stop offering a model."""
        return self._call(
            "DELETE",
            "/api/v1/models/{model}",
            path={"model": model},
            query={"dry_run": dry_run or None},
            if_match=if_match,
        )

    def list_artifacts(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        name: str | None = None,
        stage: Literal["draft", "testing", "released", "deprecated", "retired"] | None = None,
    ) -> m.ArtifactPage:
        """List artifacts."""
        return cast(
            m.ArtifactPage,
            self._call(
                "GET",
                "/api/v1/artifacts",
                query={"limit": limit, "after": after, "name": name, "stage": stage},
            ),
        )

    def iter_artifacts(
        self,
        *,
        limit: int | None = None,
        name: str | None = None,
        stage: Literal["draft", "testing", "released", "deprecated", "retired"] | None = None,
    ) -> Iterator[m.Artifact]:
        """List artifacts, page after page."""
        return self._pages(
            "GET", "/api/v1/artifacts", query={"limit": limit, "name": name, "stage": stage}
        )

    @overload
    def create_artifact(
        self, body: m.NewArtifact, *, dry_run: Literal[False] = False
    ) -> m.Artifact: ...
    @overload
    def create_artifact(self, body: m.NewArtifact, *, dry_run: Literal[True]) -> m.DryRun: ...
    def create_artifact(self, body: m.NewArtifact, *, dry_run: bool = False) -> Any:
        """Register files that were imported, as a draft."""
        return self._call(
            "POST", "/api/v1/artifacts", query={"dry_run": dry_run or None}, body=body
        )

    def get_artifact(self, artifact: str) -> m.Artifact:
        """Show an artifact, with its latest test run."""
        return cast(
            m.Artifact,
            self._call("GET", "/api/v1/artifacts/{artifact}", path={"artifact": artifact}),
        )

    @overload
    def update_artifact(
        self,
        artifact: str,
        body: m.ArtifactChange,
        *,
        if_match: str | None = None,
        dry_run: Literal[False] = False,
    ) -> m.Artifact: ...
    @overload
    def update_artifact(
        self,
        artifact: str,
        body: m.ArtifactChange,
        *,
        if_match: str | None = None,
        dry_run: Literal[True],
    ) -> m.DryRun: ...
    def update_artifact(
        self,
        artifact: str,
        body: m.ArtifactChange,
        *,
        if_match: str | None = None,
        dry_run: bool = False,
    ) -> Any:
        """Change what people say of an artifact."""
        return self._call(
            "PATCH",
            "/api/v1/artifacts/{artifact}",
            path={"artifact": artifact},
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    @overload
    def delete_artifact(
        self, artifact: str, *, if_match: str | None = None, dry_run: Literal[False] = False
    ) -> None: ...
    @overload
    def delete_artifact(
        self, artifact: str, *, if_match: str | None = None, dry_run: Literal[True]
    ) -> m.DryRun: ...
    def delete_artifact(
        self, artifact: str, *, if_match: str | None = None, dry_run: bool = False
    ) -> Any:
        """Delete a draft or retired artifact, with its files."""
        return self._call(
            "DELETE",
            "/api/v1/artifacts/{artifact}",
            path={"artifact": artifact},
            query={"dry_run": dry_run or None},
            if_match=if_match,
        )

    @overload
    def move_artifact(
        self,
        artifact: str,
        body: m.ArtifactMove,
        *,
        if_match: str | None = None,
        dry_run: Literal[False] = False,
    ) -> m.Artifact: ...
    @overload
    def move_artifact(
        self,
        artifact: str,
        body: m.ArtifactMove,
        *,
        if_match: str | None = None,
        dry_run: Literal[True],
    ) -> m.DryRun: ...
    def move_artifact(
        self,
        artifact: str,
        body: m.ArtifactMove,
        *,
        if_match: str | None = None,
        dry_run: bool = False,
    ) -> Any:
        """Bring an artifact to another stage."""
        return self._call(
            "POST",
            "/api/v1/artifacts/{artifact}/move",
            path={"artifact": artifact},
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    def list_artifact_tests(
        self, artifact: str, *, limit: int | None = None, after: str | None = None
    ) -> m.TestRunPage:
        """List the test runs of an artifact, oldest first."""
        return cast(
            m.TestRunPage,
            self._call(
                "GET",
                "/api/v1/artifacts/{artifact}/tests",
                path={"artifact": artifact},
                query={"limit": limit, "after": after},
            ),
        )

    def iter_artifact_tests(
        self, artifact: str, *, limit: int | None = None
    ) -> Iterator[m.TestRun]:
        """List the test runs of an artifact, oldest first, page after page."""
        return self._pages(
            "GET",
            "/api/v1/artifacts/{artifact}/tests",
            path={"artifact": artifact},
            query={"limit": limit},
        )

    @overload
    def add_artifact_test(
        self, artifact: str, body: m.NewTestRun, *, dry_run: Literal[False] = False
    ) -> m.TestRun: ...
    @overload
    def add_artifact_test(
        self, artifact: str, body: m.NewTestRun, *, dry_run: Literal[True]
    ) -> m.DryRun: ...
    def add_artifact_test(self, artifact: str, body: m.NewTestRun, *, dry_run: bool = False) -> Any:
        """Keep what a set of prompts gave."""
        return self._call(
            "POST",
            "/api/v1/artifacts/{artifact}/tests",
            path={"artifact": artifact},
            query={"dry_run": dry_run or None},
            body=body,
        )

    def list_engines(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        managed_by: Literal["api", "file", "engine"] | None = None,
        q: str | None = None,
    ) -> m.EnginePage:
        """List the engines in use, with their state."""
        return cast(
            m.EnginePage,
            self._call(
                "GET",
                "/api/v1/engines",
                query={"limit": limit, "after": after, "managed_by": managed_by, "q": q},
            ),
        )

    def iter_engines(
        self,
        *,
        limit: int | None = None,
        managed_by: Literal["api", "file", "engine"] | None = None,
        q: str | None = None,
    ) -> Iterator[m.Engine]:
        """List the engines in use, with their state, page after page."""
        return self._pages(
            "GET", "/api/v1/engines", query={"limit": limit, "managed_by": managed_by, "q": q}
        )

    @overload
    def create_engine(self, body: m.NewEngine, *, dry_run: Literal[False] = False) -> m.Engine: ...
    @overload
    def create_engine(self, body: m.NewEngine, *, dry_run: Literal[True]) -> m.DryRun: ...
    def create_engine(self, body: m.NewEngine, *, dry_run: bool = False) -> Any:
        """Use a remote engine from now on."""
        return self._call("POST", "/api/v1/engines", query={"dry_run": dry_run or None}, body=body)

    def get_engine(self, engine: str) -> m.Engine:
        """Show an engine with its state."""
        return cast(
            m.Engine, self._call("GET", "/api/v1/engines/{engine}", path={"engine": engine})
        )

    @overload
    def put_engine(
        self,
        engine: str,
        body: m.NewEngine,
        *,
        if_match: str | None = None,
        dry_run: Literal[False] = False,
    ) -> m.Engine: ...
    @overload
    def put_engine(
        self, engine: str, body: m.NewEngine, *, if_match: str | None = None, dry_run: Literal[True]
    ) -> m.DryRun: ...
    def put_engine(
        self, engine: str, body: m.NewEngine, *, if_match: str | None = None, dry_run: bool = False
    ) -> Any:
        """Use a remote engine from now on, or say all of one."""
        return self._call(
            "PUT",
            "/api/v1/engines/{engine}",
            path={"engine": engine},
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    @overload
    def delete_engine(
        self, engine: str, *, if_match: str | None = None, dry_run: Literal[False] = False
    ) -> None: ...
    @overload
    def delete_engine(
        self, engine: str, *, if_match: str | None = None, dry_run: Literal[True]
    ) -> m.DryRun: ...
    def delete_engine(
        self, engine: str, *, if_match: str | None = None, dry_run: bool = False
    ) -> Any:
        """Stop using an engine."""
        return self._call(
            "DELETE",
            "/api/v1/engines/{engine}",
            path={"engine": engine},
            query={"dry_run": dry_run or None},
            if_match=if_match,
        )

    @overload
    def stop_engine(
        self,
        engine: str,
        body: m.EngineStop | None = None,
        *,
        if_match: str | None = None,
        dry_run: Literal[False] = False,
    ) -> m.Engine: ...
    @overload
    def stop_engine(
        self,
        engine: str,
        body: m.EngineStop | None = None,
        *,
        if_match: str | None = None,
        dry_run: Literal[True],
    ) -> m.DryRun: ...
    def stop_engine(
        self,
        engine: str,
        body: m.EngineStop | None = None,
        *,
        if_match: str | None = None,
        dry_run: bool = False,
    ) -> Any:
        """Take an engine out of service."""
        return self._call(
            "POST",
            "/api/v1/engines/{engine}/stop",
            path={"engine": engine},
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    @overload
    def start_engine(
        self,
        engine: str,
        body: m.Nothing | None = None,
        *,
        if_match: str | None = None,
        dry_run: Literal[False] = False,
    ) -> m.Engine: ...
    @overload
    def start_engine(
        self,
        engine: str,
        body: m.Nothing | None = None,
        *,
        if_match: str | None = None,
        dry_run: Literal[True],
    ) -> m.DryRun: ...
    def start_engine(
        self,
        engine: str,
        body: m.Nothing | None = None,
        *,
        if_match: str | None = None,
        dry_run: bool = False,
    ) -> Any:
        """Put an engine back in service."""
        return self._call(
            "POST",
            "/api/v1/engines/{engine}/start",
            path={"engine": engine},
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    def get_engine_log(self, engine: str, *, lines: int | None = None) -> m.EngineLog:
        """Show the last lines that a supervised engine's process wrote."""
        return cast(
            m.EngineLog,
            self._call(
                "GET",
                "/api/v1/engines/{engine}/log",
                path={"engine": engine},
                query={"lines": lines},
            ),
        )

    def list_routes(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        managed_by: Literal["api", "file", "engine"] | None = None,
        q: str | None = None,
    ) -> m.RoutePage:
        """List routes, the file's and those made here."""
        return cast(
            m.RoutePage,
            self._call(
                "GET",
                "/api/v1/routes",
                query={"limit": limit, "after": after, "managed_by": managed_by, "q": q},
            ),
        )

    def iter_routes(
        self,
        *,
        limit: int | None = None,
        managed_by: Literal["api", "file", "engine"] | None = None,
        q: str | None = None,
    ) -> Iterator[m.Route]:
        """List routes, the file's and those made here, page after page."""
        return self._pages(
            "GET", "/api/v1/routes", query={"limit": limit, "managed_by": managed_by, "q": q}
        )

    @overload
    def create_route(self, body: m.RouteSpec, *, dry_run: Literal[False] = False) -> m.Route: ...
    @overload
    def create_route(self, body: m.RouteSpec, *, dry_run: Literal[True]) -> m.DryRun: ...
    def create_route(self, body: m.RouteSpec, *, dry_run: bool = False) -> Any:
        """Make a route."""
        return self._call("POST", "/api/v1/routes", query={"dry_run": dry_run or None}, body=body)

    def get_route(self, route: str) -> m.Route:
        """Show a route, with the share that each version has now."""
        return cast(m.Route, self._call("GET", "/api/v1/routes/{route}", path={"route": route}))

    @overload
    def put_route(
        self,
        route: str,
        body: m.RouteSpec,
        *,
        if_match: str | None = None,
        dry_run: Literal[False] = False,
    ) -> m.Route: ...
    @overload
    def put_route(
        self, route: str, body: m.RouteSpec, *, if_match: str | None = None, dry_run: Literal[True]
    ) -> m.DryRun: ...
    def put_route(
        self, route: str, body: m.RouteSpec, *, if_match: str | None = None, dry_run: bool = False
    ) -> Any:
        """Say all of a route, whether it is there or not."""
        return self._call(
            "PUT",
            "/api/v1/routes/{route}",
            path={"route": route},
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    @overload
    def update_route(
        self,
        route: str,
        body: m.RouteChange,
        *,
        if_match: str | None = None,
        dry_run: Literal[False] = False,
    ) -> m.Route: ...
    @overload
    def update_route(
        self,
        route: str,
        body: m.RouteChange,
        *,
        if_match: str | None = None,
        dry_run: Literal[True],
    ) -> m.DryRun: ...
    def update_route(
        self, route: str, body: m.RouteChange, *, if_match: str | None = None, dry_run: bool = False
    ) -> Any:
        """Change a route."""
        return self._call(
            "PATCH",
            "/api/v1/routes/{route}",
            path={"route": route},
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    @overload
    def delete_route(
        self, route: str, *, if_match: str | None = None, dry_run: Literal[False] = False
    ) -> None: ...
    @overload
    def delete_route(
        self, route: str, *, if_match: str | None = None, dry_run: Literal[True]
    ) -> m.DryRun: ...
    def delete_route(
        self, route: str, *, if_match: str | None = None, dry_run: bool = False
    ) -> Any:
        """Delete a route, with what its last rollout came to."""
        return self._call(
            "DELETE",
            "/api/v1/routes/{route}",
            path={"route": route},
            query={"dry_run": dry_run or None},
            if_match=if_match,
        )

    def get_route_mirror(self, route: str) -> m.Mirror:
        """Compare a route with its mirror."""
        return cast(
            m.Mirror, self._call("GET", "/api/v1/routes/{route}/mirror", path={"route": route})
        )

    def list_rollouts(self, *, limit: int | None = None, after: str | None = None) -> m.RolloutPage:
        """List the rollouts, one of a route."""
        return cast(
            m.RolloutPage,
            self._call("GET", "/api/v1/rollouts", query={"limit": limit, "after": after}),
        )

    def iter_rollouts(self, *, limit: int | None = None) -> Iterator[m.Rollout]:
        """List the rollouts, one of a route, page after page."""
        return self._pages("GET", "/api/v1/rollouts", query={"limit": limit})

    @overload
    def start_rollout(
        self, body: m.NewRollout, *, dry_run: Literal[False] = False
    ) -> m.Rollout: ...
    @overload
    def start_rollout(self, body: m.NewRollout, *, dry_run: Literal[True]) -> m.DryRun: ...
    def start_rollout(self, body: m.NewRollout, *, dry_run: bool = False) -> Any:
        """Start a rollout."""
        return self._call("POST", "/api/v1/rollouts", query={"dry_run": dry_run or None}, body=body)

    def get_rollout(self, route: str) -> m.Rollout:
        """Show a rollout with evidence, events and the comparison of both versions."""
        return cast(m.Rollout, self._call("GET", "/api/v1/rollouts/{route}", path={"route": route}))

    @overload
    def pause_rollout(
        self,
        route: str,
        body: m.Nothing | None = None,
        *,
        if_match: str | None = None,
        dry_run: Literal[False] = False,
    ) -> m.Rollout: ...
    @overload
    def pause_rollout(
        self,
        route: str,
        body: m.Nothing | None = None,
        *,
        if_match: str | None = None,
        dry_run: Literal[True],
    ) -> m.DryRun: ...
    def pause_rollout(
        self,
        route: str,
        body: m.Nothing | None = None,
        *,
        if_match: str | None = None,
        dry_run: bool = False,
    ) -> Any:
        """Hold a rollout's share; its gates still roll back."""
        return self._call(
            "POST",
            "/api/v1/rollouts/{route}/pause",
            path={"route": route},
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    @overload
    def resume_rollout(
        self,
        route: str,
        body: m.Nothing | None = None,
        *,
        if_match: str | None = None,
        dry_run: Literal[False] = False,
    ) -> m.Rollout: ...
    @overload
    def resume_rollout(
        self,
        route: str,
        body: m.Nothing | None = None,
        *,
        if_match: str | None = None,
        dry_run: Literal[True],
    ) -> m.DryRun: ...
    def resume_rollout(
        self,
        route: str,
        body: m.Nothing | None = None,
        *,
        if_match: str | None = None,
        dry_run: bool = False,
    ) -> Any:
        """Let a paused rollout go on."""
        return self._call(
            "POST",
            "/api/v1/rollouts/{route}/resume",
            path={"route": route},
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    @overload
    def promote_rollout(
        self,
        route: str,
        body: m.Nothing | None = None,
        *,
        if_match: str | None = None,
        dry_run: Literal[False] = False,
    ) -> m.Rollout: ...
    @overload
    def promote_rollout(
        self,
        route: str,
        body: m.Nothing | None = None,
        *,
        if_match: str | None = None,
        dry_run: Literal[True],
    ) -> m.DryRun: ...
    def promote_rollout(
        self,
        route: str,
        body: m.Nothing | None = None,
        *,
        if_match: str | None = None,
        dry_run: bool = False,
    ) -> Any:
        """Give the candidate everything now."""
        return self._call(
            "POST",
            "/api/v1/rollouts/{route}/promote",
            path={"route": route},
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    @overload
    def abort_rollout(
        self,
        route: str,
        body: m.Abort | None = None,
        *,
        if_match: str | None = None,
        dry_run: Literal[False] = False,
    ) -> m.Rollout: ...
    @overload
    def abort_rollout(
        self,
        route: str,
        body: m.Abort | None = None,
        *,
        if_match: str | None = None,
        dry_run: Literal[True],
    ) -> m.DryRun: ...
    def abort_rollout(
        self,
        route: str,
        body: m.Abort | None = None,
        *,
        if_match: str | None = None,
        dry_run: bool = False,
    ) -> Any:
        """Take the candidate's share back now."""
        return self._call(
            "POST",
            "/api/v1/rollouts/{route}/abort",
            path={"route": route},
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    def list_limits(
        self, *, limit: int | None = None, after: str | None = None, tenant: str | None = None
    ) -> m.LimitPage:
        """List limits with what is used of them now."""
        return cast(
            m.LimitPage,
            self._call(
                "GET", "/api/v1/limits", query={"limit": limit, "after": after, "tenant": tenant}
            ),
        )

    def iter_limits(
        self, *, limit: int | None = None, tenant: str | None = None
    ) -> Iterator[m.Limit]:
        """List limits with what is used of them now, page after page."""
        return self._pages("GET", "/api/v1/limits", query={"limit": limit, "tenant": tenant})

    @overload
    def create_limit(self, body: m.NewLimit, *, dry_run: Literal[False] = False) -> m.Limit: ...
    @overload
    def create_limit(self, body: m.NewLimit, *, dry_run: Literal[True]) -> m.DryRun: ...
    def create_limit(self, body: m.NewLimit, *, dry_run: bool = False) -> Any:
        """Set a limit that is not there yet."""
        return self._call("POST", "/api/v1/limits", query={"dry_run": dry_run or None}, body=body)

    @overload
    def put_limit(
        self, body: m.NewLimit, *, if_match: str | None = None, dry_run: Literal[False] = False
    ) -> m.Limit: ...
    @overload
    def put_limit(
        self, body: m.NewLimit, *, if_match: str | None = None, dry_run: Literal[True]
    ) -> m.DryRun: ...
    def put_limit(
        self, body: m.NewLimit, *, if_match: str | None = None, dry_run: bool = False
    ) -> Any:
        """Set a limit, whether it is there or not."""
        return self._call(
            "PUT",
            "/api/v1/limits",
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    def get_limit(self, limit: str) -> m.Limit:
        """Show a limit with what is used of it now."""
        return cast(m.Limit, self._call("GET", "/api/v1/limits/{limit}", path={"limit": limit}))

    @overload
    def update_limit(
        self,
        limit: str,
        body: m.LimitChange,
        *,
        if_match: str | None = None,
        dry_run: Literal[False] = False,
    ) -> m.Limit: ...
    @overload
    def update_limit(
        self,
        limit: str,
        body: m.LimitChange,
        *,
        if_match: str | None = None,
        dry_run: Literal[True],
    ) -> m.DryRun: ...
    def update_limit(
        self, limit: str, body: m.LimitChange, *, if_match: str | None = None, dry_run: bool = False
    ) -> Any:
        """Change a limit."""
        return self._call(
            "PATCH",
            "/api/v1/limits/{limit}",
            path={"limit": limit},
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    @overload
    def delete_limit(
        self, limit: str, *, if_match: str | None = None, dry_run: Literal[False] = False
    ) -> None: ...
    @overload
    def delete_limit(
        self, limit: str, *, if_match: str | None = None, dry_run: Literal[True]
    ) -> m.DryRun: ...
    def delete_limit(
        self, limit: str, *, if_match: str | None = None, dry_run: bool = False
    ) -> Any:
        """Delete a limit."""
        return self._call(
            "DELETE",
            "/api/v1/limits/{limit}",
            path={"limit": limit},
            query={"dry_run": dry_run or None},
            if_match=if_match,
        )

    def list_prices(
        self, *, limit: int | None = None, after: str | None = None, model: str | None = None
    ) -> m.PricePage:
        """List the price versions of the configuration in force."""
        return cast(
            m.PricePage,
            self._call(
                "GET", "/api/v1/prices", query={"limit": limit, "after": after, "model": model}
            ),
        )

    def iter_prices(
        self, *, limit: int | None = None, model: str | None = None
    ) -> Iterator[m.Price]:
        """List the price versions of the configuration in force, page after page."""
        return self._pages("GET", "/api/v1/prices", query={"limit": limit, "model": model})

    def get_price(self, price: str) -> m.Price:
        """Show a price version."""
        return cast(m.Price, self._call("GET", "/api/v1/prices/{price}", path={"price": price}))

    def list_pool_parts(
        self, *, limit: int | None = None, after: str | None = None, pool: str | None = None
    ) -> m.PoolPartPage:
        """List pools and their cohorts, tenants and projects with what they have and use."""
        return cast(
            m.PoolPartPage,
            self._call(
                "GET", "/api/v1/pools", query={"limit": limit, "after": after, "pool": pool}
            ),
        )

    def iter_pool_parts(
        self, *, limit: int | None = None, pool: str | None = None
    ) -> Iterator[m.PoolPart]:
        """List pools and their cohorts, tenants and projects with what they have and use, page after page."""
        return self._pages("GET", "/api/v1/pools", query={"limit": limit, "pool": pool})

    def get_pool(self, pool: str) -> m.Pool:
        """Show a pool with engines, cohorts and parts."""
        return cast(m.Pool, self._call("GET", "/api/v1/pools/{pool}", path={"pool": pool}))

    @overload
    def set_pool_share(
        self,
        pool: str,
        body: m.PoolShareChange,
        *,
        if_match: str | None = None,
        dry_run: Literal[False] = False,
    ) -> m.PoolShare: ...
    @overload
    def set_pool_share(
        self,
        pool: str,
        body: m.PoolShareChange,
        *,
        if_match: str | None = None,
        dry_run: Literal[True],
    ) -> m.DryRun: ...
    def set_pool_share(
        self,
        pool: str,
        body: m.PoolShareChange,
        *,
        if_match: str | None = None,
        dry_run: bool = False,
    ) -> Any:
        """Give a tenant or project a share, or change the one it has."""
        return self._call(
            "POST",
            "/api/v1/pools/{pool}/set",
            path={"pool": pool},
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    @overload
    def remove_pool_share(
        self,
        pool: str,
        body: m.PoolShareHolder,
        *,
        if_match: str | None = None,
        dry_run: Literal[False] = False,
    ) -> None: ...
    @overload
    def remove_pool_share(
        self,
        pool: str,
        body: m.PoolShareHolder,
        *,
        if_match: str | None = None,
        dry_run: Literal[True],
    ) -> m.DryRun: ...
    def remove_pool_share(
        self,
        pool: str,
        body: m.PoolShareHolder,
        *,
        if_match: str | None = None,
        dry_run: bool = False,
    ) -> Any:
        """Take back a share."""
        return self._call(
            "POST",
            "/api/v1/pools/{pool}/remove",
            path={"pool": pool},
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    def get_usage(
        self,
        *,
        tenant: str | None = None,
        by: (
            Literal[
                "model",
                "key",
                "project",
                "user",
                "cost_centre",
                "cost-centre",
                "day",
                "month",
                "engine",
                "tenant",
                "revision",
                "price",
            ]
            | None
        ) = None,
        from_: str | None = None,
        until: str | None = None,
        month: str | None = None,
        project: str | None = None,
        key: str | None = None,
        model: str | None = None,
        user: str | None = None,
        cost_centre: str | None = None,
        engine: str | None = None,
        chart: Literal["tokens", "requests", "cost"] | None = None,
        width: int | None = None,
    ) -> m.Usage:
        """Add up usage, with cost, engine time and energy."""
        return cast(
            m.Usage,
            self._call(
                "GET",
                "/api/v1/usage",
                query={
                    "tenant": tenant,
                    "by": by,
                    "from": from_,
                    "until": until,
                    "month": month,
                    "project": project,
                    "key": key,
                    "model": model,
                    "user": user,
                    "cost_centre": cost_centre,
                    "engine": engine,
                    "chart": chart,
                    "width": width,
                },
            ),
        )

    def get_usage_text(
        self,
        *,
        tenant: str | None = None,
        by: (
            Literal[
                "model",
                "key",
                "project",
                "user",
                "cost_centre",
                "cost-centre",
                "day",
                "month",
                "engine",
                "tenant",
                "revision",
                "price",
            ]
            | None
        ) = None,
        from_: str | None = None,
        until: str | None = None,
        month: str | None = None,
        project: str | None = None,
        key: str | None = None,
        model: str | None = None,
        user: str | None = None,
        cost_centre: str | None = None,
        engine: str | None = None,
        chart: Literal["tokens", "requests", "cost"] | None = None,
        width: int | None = None,
        format: Literal["csv", "text"] = "text",
    ) -> str:
        """Add up usage, with cost, engine time and energy."""
        return self._call_text(
            "GET",
            "/api/v1/usage",
            query={
                "tenant": tenant,
                "by": by,
                "from": from_,
                "until": until,
                "month": month,
                "project": project,
                "key": key,
                "model": model,
                "user": user,
                "cost_centre": cost_centre,
                "engine": engine,
                "chart": chart,
                "width": width,
                "format": format,
            },
        )

    def get_usage_forecast(self, *, tenant: str) -> m.Forecast:
        """Say what a tenant's month will have been at its end."""
        return cast(
            m.Forecast, self._call("GET", "/api/v1/usage/forecast", query={"tenant": tenant})
        )

    def get_usage_forecast_text(
        self, *, tenant: str, format: Literal["csv", "text"] = "text"
    ) -> str:
        """Say what a tenant's month will have been at its end."""
        return self._call_text(
            "GET", "/api/v1/usage/forecast", query={"tenant": tenant, "format": format}
        )

    def get_statement(self, tenant: str, month: str) -> m.Statement:
        """Show what a tenant owes for a month."""
        return cast(
            m.Statement,
            self._call(
                "GET",
                "/api/v1/statements/{tenant}/{month}",
                path={"tenant": tenant, "month": month},
            ),
        )

    def get_statement_text(
        self, tenant: str, month: str, *, format: Literal["csv", "text", "html"] = "text"
    ) -> str:
        """Show what a tenant owes for a month."""
        return self._call_text(
            "GET",
            "/api/v1/statements/{tenant}/{month}",
            path={"tenant": tenant, "month": month},
            query={"format": format},
        )

    def create_adjustment(self, tenant: str, body: m.NewAdjustment) -> m.Adjustment:
        """Book a correction in the open month."""
        return cast(
            m.Adjustment,
            self._call(
                "POST",
                "/api/v1/statements/{tenant}/adjustments",
                path={"tenant": tenant},
                body=body,
            ),
        )

    def list_requests(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        tenant: str | None = None,
        project: str | None = None,
        key: str | None = None,
        model: str | None = None,
        status: Literal["open", "completed", "cancelled", "failed"] | None = None,
        since: str | None = None,
        until: str | None = None,
    ) -> m.RequestPage:
        """List requests, the newest first."""
        return cast(
            m.RequestPage,
            self._call(
                "GET",
                "/api/v1/requests",
                query={
                    "limit": limit,
                    "after": after,
                    "tenant": tenant,
                    "project": project,
                    "key": key,
                    "model": model,
                    "status": status,
                    "since": since,
                    "until": until,
                },
            ),
        )

    def iter_requests(
        self,
        *,
        limit: int | None = None,
        tenant: str | None = None,
        project: str | None = None,
        key: str | None = None,
        model: str | None = None,
        status: Literal["open", "completed", "cancelled", "failed"] | None = None,
        since: str | None = None,
        until: str | None = None,
    ) -> Iterator[m.RequestRow]:
        """List requests, the newest first, page after page."""
        return self._pages(
            "GET",
            "/api/v1/requests",
            query={
                "limit": limit,
                "tenant": tenant,
                "project": project,
                "key": key,
                "model": model,
                "status": status,
                "since": since,
                "until": until,
            },
        )

    def explain_request(self, request: str) -> m.Explanation:
        """Tell the life of one request."""
        return cast(
            m.Explanation,
            self._call("GET", "/api/v1/requests/{request}", path={"request": request}),
        )

    def explain_request_text(self, request: str, *, format: Literal["text"] = "text") -> str:
        """Tell the life of one request."""
        return self._call_text(
            "GET", "/api/v1/requests/{request}", path={"request": request}, query={"format": format}
        )

    def get_live(self, *, tenant: str | None = None) -> m.Live:
        """Show what goes on at this moment."""
        return cast(m.Live, self._call("GET", "/api/v1/live", query={"tenant": tenant}))

    def list_events(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        tenant: str | None = None,
        kind: str | None = None,
        severity: Literal["info", "warning", "error"] | None = None,
    ) -> m.EventPage:
        """List what has happened, the newest first."""
        return cast(
            m.EventPage,
            self._call(
                "GET",
                "/api/v1/events",
                query={
                    "limit": limit,
                    "after": after,
                    "tenant": tenant,
                    "kind": kind,
                    "severity": severity,
                },
            ),
        )

    def iter_events(
        self,
        *,
        limit: int | None = None,
        tenant: str | None = None,
        kind: str | None = None,
        severity: Literal["info", "warning", "error"] | None = None,
    ) -> Iterator[m.Event]:
        """List what has happened, the newest first, page after page."""
        return self._pages(
            "GET",
            "/api/v1/events",
            query={"limit": limit, "tenant": tenant, "kind": kind, "severity": severity},
        )

    def list_webhooks(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        tenant: str | None = None,
        managed_by: Literal["api", "file", "engine"] | None = None,
        q: str | None = None,
    ) -> m.WebhookPage:
        """List webhooks, never their secrets."""
        return cast(
            m.WebhookPage,
            self._call(
                "GET",
                "/api/v1/webhooks",
                query={
                    "limit": limit,
                    "after": after,
                    "tenant": tenant,
                    "managed_by": managed_by,
                    "q": q,
                },
            ),
        )

    def iter_webhooks(
        self,
        *,
        limit: int | None = None,
        tenant: str | None = None,
        managed_by: Literal["api", "file", "engine"] | None = None,
        q: str | None = None,
    ) -> Iterator[m.Webhook]:
        """List webhooks, never their secrets, page after page."""
        return self._pages(
            "GET",
            "/api/v1/webhooks",
            query={"limit": limit, "tenant": tenant, "managed_by": managed_by, "q": q},
        )

    @overload
    def create_webhook(
        self, body: m.NewWebhook, *, dry_run: Literal[False] = False
    ) -> m.NewWebhookShown: ...
    @overload
    def create_webhook(self, body: m.NewWebhook, *, dry_run: Literal[True]) -> m.DryRun: ...
    def create_webhook(self, body: m.NewWebhook, *, dry_run: bool = False) -> Any:
        """Have events told to a receiver."""
        return self._call("POST", "/api/v1/webhooks", query={"dry_run": dry_run or None}, body=body)

    def get_webhook(self, webhook: str) -> m.Webhook:
        """Show a webhook and what came of its deliveries."""
        return cast(
            m.Webhook, self._call("GET", "/api/v1/webhooks/{webhook}", path={"webhook": webhook})
        )

    @overload
    def put_webhook(
        self,
        webhook: str,
        body: m.WebhookWhole,
        *,
        if_match: str | None = None,
        dry_run: Literal[False] = False,
    ) -> m.Webhook: ...
    @overload
    def put_webhook(
        self,
        webhook: str,
        body: m.WebhookWhole,
        *,
        if_match: str | None = None,
        dry_run: Literal[True],
    ) -> m.DryRun: ...
    def put_webhook(
        self,
        webhook: str,
        body: m.WebhookWhole,
        *,
        if_match: str | None = None,
        dry_run: bool = False,
    ) -> Any:
        """Say all of a webhook."""
        return self._call(
            "PUT",
            "/api/v1/webhooks/{webhook}",
            path={"webhook": webhook},
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    @overload
    def update_webhook(
        self,
        webhook: str,
        body: m.WebhookChange,
        *,
        if_match: str | None = None,
        dry_run: Literal[False] = False,
    ) -> m.Webhook: ...
    @overload
    def update_webhook(
        self,
        webhook: str,
        body: m.WebhookChange,
        *,
        if_match: str | None = None,
        dry_run: Literal[True],
    ) -> m.DryRun: ...
    def update_webhook(
        self,
        webhook: str,
        body: m.WebhookChange,
        *,
        if_match: str | None = None,
        dry_run: bool = False,
    ) -> Any:
        """Change a webhook."""
        return self._call(
            "PATCH",
            "/api/v1/webhooks/{webhook}",
            path={"webhook": webhook},
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    @overload
    def delete_webhook(
        self, webhook: str, *, if_match: str | None = None, dry_run: Literal[False] = False
    ) -> None: ...
    @overload
    def delete_webhook(
        self, webhook: str, *, if_match: str | None = None, dry_run: Literal[True]
    ) -> m.DryRun: ...
    def delete_webhook(
        self, webhook: str, *, if_match: str | None = None, dry_run: bool = False
    ) -> Any:
        """Delete a webhook."""
        return self._call(
            "DELETE",
            "/api/v1/webhooks/{webhook}",
            path={"webhook": webhook},
            query={"dry_run": dry_run or None},
            if_match=if_match,
        )

    @overload
    def rotate_webhook(
        self,
        webhook: str,
        body: m.Nothing | None = None,
        *,
        if_match: str | None = None,
        dry_run: Literal[False] = False,
    ) -> m.NewWebhookShown: ...
    @overload
    def rotate_webhook(
        self,
        webhook: str,
        body: m.Nothing | None = None,
        *,
        if_match: str | None = None,
        dry_run: Literal[True],
    ) -> m.DryRun: ...
    def rotate_webhook(
        self,
        webhook: str,
        body: m.Nothing | None = None,
        *,
        if_match: str | None = None,
        dry_run: bool = False,
    ) -> Any:
        """Give a webhook a new secret."""
        return self._call(
            "POST",
            "/api/v1/webhooks/{webhook}/rotate",
            path={"webhook": webhook},
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    @overload
    def test_webhook(
        self,
        webhook: str,
        body: m.Nothing | None = None,
        *,
        if_match: str | None = None,
        dry_run: Literal[False] = False,
    ) -> m.Webhook: ...
    @overload
    def test_webhook(
        self,
        webhook: str,
        body: m.Nothing | None = None,
        *,
        if_match: str | None = None,
        dry_run: Literal[True],
    ) -> m.DryRun: ...
    def test_webhook(
        self,
        webhook: str,
        body: m.Nothing | None = None,
        *,
        if_match: str | None = None,
        dry_run: bool = False,
    ) -> Any:
        """Send an event to a webhook."""
        return self._call(
            "POST",
            "/api/v1/webhooks/{webhook}/test",
            path={"webhook": webhook},
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    def verify_ledger(self) -> m.LedgerCheck:
        """Compute every balance, roll-up and charge from the rows again."""
        return cast(m.LedgerCheck, self._call("POST", "/api/v1/ledger/verify"))

    def verify_ledger_text(self, *, format: Literal["text"] = "text") -> str:
        """Compute every balance, roll-up and charge from the rows again."""
        return self._call_text("POST", "/api/v1/ledger/verify", query={"format": format})

    def list_audit_entries(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        tenant: str | None = None,
        action: str | None = None,
        object: str | None = None,
        subject: str | None = None,
        from_: str | None = None,
        until: str | None = None,
    ) -> m.AuditEntryPage:
        """List entries of the audit log, newest first."""
        return cast(
            m.AuditEntryPage,
            self._call(
                "GET",
                "/api/v1/audit/entries",
                query={
                    "limit": limit,
                    "after": after,
                    "tenant": tenant,
                    "action": action,
                    "object": object,
                    "subject": subject,
                    "from": from_,
                    "until": until,
                },
            ),
        )

    def iter_audit_entries(
        self,
        *,
        limit: int | None = None,
        tenant: str | None = None,
        action: str | None = None,
        object: str | None = None,
        subject: str | None = None,
        from_: str | None = None,
        until: str | None = None,
    ) -> Iterator[m.AuditEntryListed]:
        """List entries of the audit log, newest first, page after page."""
        return self._pages(
            "GET",
            "/api/v1/audit/entries",
            query={
                "limit": limit,
                "tenant": tenant,
                "action": action,
                "object": object,
                "subject": subject,
                "from": from_,
                "until": until,
            },
        )

    def get_audit_entry(self, entry: str, *, detail: bool | None = None) -> m.AuditEntryShown:
        """Show an entry."""
        return cast(
            m.AuditEntryShown,
            self._call(
                "GET",
                "/api/v1/audit/entries/{entry}",
                path={"entry": entry},
                query={"detail": detail},
            ),
        )

    def get_audit_proof(self, entry: str) -> m.AuditProof:
        """Prove that an entry is in the log."""
        return cast(
            m.AuditProof,
            self._call("GET", "/api/v1/audit/entries/{entry}/proof", path={"entry": entry}),
        )

    def get_audit_checkpoint(self) -> m.AuditCheckpoint:
        """Sign a checkpoint of everything durable."""
        return cast(m.AuditCheckpoint, self._call("GET", "/api/v1/audit/checkpoint"))

    def export_audit(
        self, *, tenant: str, size: int, after: str | None = None
    ) -> m.AuditExportPage:
        """List a tenant's entries, each with its proof."""
        return cast(
            m.AuditExportPage,
            self._call(
                "GET",
                "/api/v1/audit/export",
                query={"tenant": tenant, "size": size, "after": after},
            ),
        )

    def iter_export_audit(self, *, tenant: str, size: int) -> Iterator[dict[str, Any]]:
        """List a tenant's entries, each with its proof, page after page."""
        return self._pages("GET", "/api/v1/audit/export", query={"tenant": tenant, "size": size})

    def list_holds(
        self, *, limit: int | None = None, after: str | None = None, tenant: str | None = None
    ) -> m.HoldPage:
        """List the legal holds that are on."""
        return cast(
            m.HoldPage,
            self._call(
                "GET",
                "/api/v1/audit/holds",
                query={"limit": limit, "after": after, "tenant": tenant},
            ),
        )

    def iter_holds(
        self, *, limit: int | None = None, tenant: str | None = None
    ) -> Iterator[m.Hold]:
        """List the legal holds that are on, page after page."""
        return self._pages("GET", "/api/v1/audit/holds", query={"limit": limit, "tenant": tenant})

    def hold(self, body: m.HoldOf) -> m.HoldSet:
        """Forbid erasing and deleting what is of a user or a tenant."""
        return cast(m.HoldSet, self._call("POST", "/api/v1/audit/hold", body=body))

    def release_hold(self, body: m.HoldOf) -> m.EntryIndex:
        """Take a legal hold off."""
        return cast(m.EntryIndex, self._call("POST", "/api/v1/audit/release", body=body))

    def erase(self, body: m.ErasureOf) -> m.Erasure:
        """Destroy what would tell who a person is."""
        return cast(m.Erasure, self._call("POST", "/api/v1/audit/erase", body=body))

    def add_witnessed(self, body: m.Witnessed) -> m.EntryIndex:
        """Hand in a checkpoint that a witness has cosigned."""
        return cast(m.EntryIndex, self._call("POST", "/api/v1/audit/witnessed", body=body))

    def note_backup(self, body: m.Backup) -> m.EntryIndex:
        """Say that an archive of the data folder has been made."""
        return cast(m.EntryIndex, self._call("POST", "/api/v1/audit/backup", body=body))

    def rotate_audit_key(self, body: m.Reason | None = None) -> m.EntryIndex:
        """Sign with a new key, announced under the old one."""
        return cast(m.EntryIndex, self._call("POST", "/api/v1/audit/rotate-key", body=body))

    def get_system(self) -> m.System:
        """Show version, readiness and the ledger's counters."""
        return cast(m.System, self._call("GET", "/api/v1/system"))

    def list_roles(self) -> m.RolePage:
        """Show what each role may."""
        return cast(m.RolePage, self._call("GET", "/api/v1/roles"))

    def get_config(self) -> m.EffectiveConfig:
        """Show the configuration in force."""
        return cast(m.EffectiveConfig, self._call("GET", "/api/v1/config"))

    def sign_in(self, body: m.Login) -> m.Session:
        """Sign in."""
        return cast(m.Session, self._call("POST", "/api/v1/sessions", body=body))

    def get_session(self) -> m.Session:
        """Show who the caller is and what they may."""
        return cast(m.Session, self._call("GET", "/api/v1/session"))

    def sign_out(self, *, if_match: str | None = None) -> None:
        """Sign out."""
        self._call("DELETE", "/api/v1/session", if_match=if_match)

    def set_up(self, body: m.SetUp) -> m.User:
        """Make a platform administrator with a one-time token."""
        return cast(m.User, self._call("POST", "/api/v1/setup", body=body))

    def create_setup_token(self, body: m.Nothing | None = None) -> m.SetupToken:
        """Make a one-time token for POST /api/v1/setup."""
        return cast(m.SetupToken, self._call("POST", "/api/v1/setup/token", body=body))

    def list_users(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        tenant: str | None = None,
        managed_by: Literal["api", "file", "engine"] | None = None,
        q: str | None = None,
    ) -> m.UserPage:
        """List users."""
        return cast(
            m.UserPage,
            self._call(
                "GET",
                "/api/v1/users",
                query={
                    "limit": limit,
                    "after": after,
                    "tenant": tenant,
                    "managed_by": managed_by,
                    "q": q,
                },
            ),
        )

    def iter_users(
        self,
        *,
        limit: int | None = None,
        tenant: str | None = None,
        managed_by: Literal["api", "file", "engine"] | None = None,
        q: str | None = None,
    ) -> Iterator[m.User]:
        """List users, page after page."""
        return self._pages(
            "GET",
            "/api/v1/users",
            query={"limit": limit, "tenant": tenant, "managed_by": managed_by, "q": q},
        )

    def create_user(self, body: m.NewUser) -> m.User:
        """Create a user, with a role or without."""
        return cast(m.User, self._call("POST", "/api/v1/users", body=body))

    def get_user(self, user: str) -> m.User:
        """Show a user."""
        return cast(m.User, self._call("GET", "/api/v1/users/{user}", path={"user": user}))

    def update_user(self, user: str, body: m.UserChange, *, if_match: str | None = None) -> m.User:
        """Change a user."""
        return cast(
            m.User,
            self._call(
                "PATCH", "/api/v1/users/{user}", path={"user": user}, body=body, if_match=if_match
            ),
        )

    def delete_user(self, user: str, *, if_match: str | None = None) -> None:
        """Delete a user with memberships and sessions."""
        self._call("DELETE", "/api/v1/users/{user}", path={"user": user}, if_match=if_match)

    def list_sessions(
        self, user: str, *, limit: int | None = None, after: str | None = None
    ) -> m.UserSessionPage:
        """List a user's sessions."""
        return cast(
            m.UserSessionPage,
            self._call(
                "GET",
                "/api/v1/users/{user}/sessions",
                path={"user": user},
                query={"limit": limit, "after": after},
            ),
        )

    def iter_sessions(self, user: str, *, limit: int | None = None) -> Iterator[m.UserSession]:
        """List a user's sessions, page after page."""
        return self._pages(
            "GET", "/api/v1/users/{user}/sessions", path={"user": user}, query={"limit": limit}
        )

    def end_sessions(self, user: str, *, if_match: str | None = None) -> None:
        """End all sessions of a user."""
        self._call(
            "DELETE", "/api/v1/users/{user}/sessions", path={"user": user}, if_match=if_match
        )

    def end_session(self, user: str, session: str, *, if_match: str | None = None) -> None:
        """End a session of a user."""
        self._call(
            "DELETE",
            "/api/v1/users/{user}/sessions/{session}",
            path={"user": user, "session": session},
            if_match=if_match,
        )

    def list_tokens(
        self, user: str, *, limit: int | None = None, after: str | None = None
    ) -> m.AccessTokenPage:
        """List a user's access tokens, never their text."""
        return cast(
            m.AccessTokenPage,
            self._call(
                "GET",
                "/api/v1/users/{user}/tokens",
                path={"user": user},
                query={"limit": limit, "after": after},
            ),
        )

    def iter_tokens(self, user: str, *, limit: int | None = None) -> Iterator[m.AccessToken]:
        """List a user's access tokens, never their text, page after page."""
        return self._pages(
            "GET", "/api/v1/users/{user}/tokens", path={"user": user}, query={"limit": limit}
        )

    def create_token(self, user: str, body: m.NewAccessToken) -> m.AccessTokenShown:
        """Make an access token."""
        return cast(
            m.AccessTokenShown,
            self._call("POST", "/api/v1/users/{user}/tokens", path={"user": user}, body=body),
        )

    def delete_token(self, user: str, token: str, *, if_match: str | None = None) -> None:
        """Delete an access token."""
        self._call(
            "DELETE",
            "/api/v1/users/{user}/tokens/{token}",
            path={"user": user, "token": token},
            if_match=if_match,
        )

    def list_memberships(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        tenant: str | None = None,
        user: str | None = None,
    ) -> m.MembershipPage:
        """List memberships."""
        return cast(
            m.MembershipPage,
            self._call(
                "GET",
                "/api/v1/memberships",
                query={"limit": limit, "after": after, "tenant": tenant, "user": user},
            ),
        )

    def iter_memberships(
        self, *, limit: int | None = None, tenant: str | None = None, user: str | None = None
    ) -> Iterator[m.Membership]:
        """List memberships, page after page."""
        return self._pages(
            "GET", "/api/v1/memberships", query={"limit": limit, "tenant": tenant, "user": user}
        )

    def create_membership(self, body: m.NewMembership) -> m.Membership:
        """Give a user a role."""
        return cast(m.Membership, self._call("POST", "/api/v1/memberships", body=body))

    def get_membership(self, membership: str) -> m.Membership:
        """Show a membership."""
        return cast(
            m.Membership,
            self._call("GET", "/api/v1/memberships/{membership}", path={"membership": membership}),
        )

    def delete_membership(self, membership: str, *, if_match: str | None = None) -> None:
        """Take a role back."""
        self._call(
            "DELETE",
            "/api/v1/memberships/{membership}",
            path={"membership": membership},
            if_match=if_match,
        )


class AsyncOperations:
    async def _call(
        self,
        method: str,
        pattern: str,
        *,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, object] | None = None,
        body: Mapping[str, Any] | None = None,
        if_match: str | None = None,
    ) -> Any:
        raise NotImplementedError

    async def _call_text(
        self,
        method: str,
        pattern: str,
        *,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, object] | None = None,
        body: Mapping[str, Any] | None = None,
        if_match: str | None = None,
    ) -> str:
        raise NotImplementedError

    def _pages(
        self,
        method: str,
        pattern: str,
        *,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, object] | None = None,
        body: Mapping[str, Any] | None = None,
        if_match: str | None = None,
    ) -> AsyncIterator[Any]:
        raise NotImplementedError

    async def list_tenants(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        managed_by: Literal["api", "file", "engine"] | None = None,
        q: str | None = None,
    ) -> m.TenantPage:
        """List tenants."""
        return cast(
            m.TenantPage,
            await self._call(
                "GET",
                "/api/v1/tenants",
                query={"limit": limit, "after": after, "managed_by": managed_by, "q": q},
            ),
        )

    def iter_tenants(
        self,
        *,
        limit: int | None = None,
        managed_by: Literal["api", "file", "engine"] | None = None,
        q: str | None = None,
    ) -> AsyncIterator[m.Tenant]:
        """List tenants, page after page."""
        return self._pages(
            "GET", "/api/v1/tenants", query={"limit": limit, "managed_by": managed_by, "q": q}
        )

    @overload
    async def create_tenant(
        self, body: m.NewTenant, *, dry_run: Literal[False] = False
    ) -> m.Tenant: ...
    @overload
    async def create_tenant(self, body: m.NewTenant, *, dry_run: Literal[True]) -> m.DryRun: ...
    async def create_tenant(self, body: m.NewTenant, *, dry_run: bool = False) -> Any:
        """Create a tenant and its project `default`."""
        return await self._call(
            "POST", "/api/v1/tenants", query={"dry_run": dry_run or None}, body=body
        )

    async def get_tenant(self, tenant: str) -> m.Tenant:
        """Show a tenant."""
        return cast(
            m.Tenant, await self._call("GET", "/api/v1/tenants/{tenant}", path={"tenant": tenant})
        )

    @overload
    async def put_tenant(
        self,
        tenant: str,
        body: m.NewTenant,
        *,
        if_match: str | None = None,
        dry_run: Literal[False] = False,
    ) -> m.Tenant: ...
    @overload
    async def put_tenant(
        self, tenant: str, body: m.NewTenant, *, if_match: str | None = None, dry_run: Literal[True]
    ) -> m.DryRun: ...
    async def put_tenant(
        self, tenant: str, body: m.NewTenant, *, if_match: str | None = None, dry_run: bool = False
    ) -> Any:
        """Say all of a tenant, whether it is there or not."""
        return await self._call(
            "PUT",
            "/api/v1/tenants/{tenant}",
            path={"tenant": tenant},
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    @overload
    async def update_tenant(
        self,
        tenant: str,
        body: m.TenantChange,
        *,
        if_match: str | None = None,
        dry_run: Literal[False] = False,
    ) -> m.Tenant: ...
    @overload
    async def update_tenant(
        self,
        tenant: str,
        body: m.TenantChange,
        *,
        if_match: str | None = None,
        dry_run: Literal[True],
    ) -> m.DryRun: ...
    async def update_tenant(
        self,
        tenant: str,
        body: m.TenantChange,
        *,
        if_match: str | None = None,
        dry_run: bool = False,
    ) -> Any:
        """Change a tenant."""
        return await self._call(
            "PATCH",
            "/api/v1/tenants/{tenant}",
            path={"tenant": tenant},
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    @overload
    async def delete_tenant(
        self, tenant: str, *, if_match: str | None = None, dry_run: Literal[False] = False
    ) -> None: ...
    @overload
    async def delete_tenant(
        self, tenant: str, *, if_match: str | None = None, dry_run: Literal[True]
    ) -> m.DryRun: ...
    async def delete_tenant(
        self, tenant: str, *, if_match: str | None = None, dry_run: bool = False
    ) -> Any:
        """Delete a tenant with its projects, keys and limits."""
        return await self._call(
            "DELETE",
            "/api/v1/tenants/{tenant}",
            path={"tenant": tenant},
            query={"dry_run": dry_run or None},
            if_match=if_match,
        )

    async def get_tenant_settings(self, tenant: str) -> m.TenantSettings:
        """Show what a tenant has set for its own requests."""
        return cast(
            m.TenantSettings,
            await self._call("GET", "/api/v1/tenants/{tenant}/settings", path={"tenant": tenant}),
        )

    @overload
    async def put_tenant_settings(
        self,
        tenant: str,
        body: m.TenantSettingsChange,
        *,
        if_match: str | None = None,
        dry_run: Literal[False] = False,
    ) -> m.TenantSettings: ...
    @overload
    async def put_tenant_settings(
        self,
        tenant: str,
        body: m.TenantSettingsChange,
        *,
        if_match: str | None = None,
        dry_run: Literal[True],
    ) -> m.DryRun: ...
    async def put_tenant_settings(
        self,
        tenant: str,
        body: m.TenantSettingsChange,
        *,
        if_match: str | None = None,
        dry_run: bool = False,
    ) -> Any:
        """Say all of a tenant's settings anew."""
        return await self._call(
            "PUT",
            "/api/v1/tenants/{tenant}/settings",
            path={"tenant": tenant},
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    @overload
    async def update_tenant_settings(
        self,
        tenant: str,
        body: m.TenantSettingsChange,
        *,
        if_match: str | None = None,
        dry_run: Literal[False] = False,
    ) -> m.TenantSettings: ...
    @overload
    async def update_tenant_settings(
        self,
        tenant: str,
        body: m.TenantSettingsChange,
        *,
        if_match: str | None = None,
        dry_run: Literal[True],
    ) -> m.DryRun: ...
    async def update_tenant_settings(
        self,
        tenant: str,
        body: m.TenantSettingsChange,
        *,
        if_match: str | None = None,
        dry_run: bool = False,
    ) -> Any:
        """Change a tenant's settings."""
        return await self._call(
            "PATCH",
            "/api/v1/tenants/{tenant}/settings",
            path={"tenant": tenant},
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    async def list_projects(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        tenant: str | None = None,
        managed_by: Literal["api", "file", "engine"] | None = None,
        q: str | None = None,
    ) -> m.ProjectPage:
        """List projects."""
        return cast(
            m.ProjectPage,
            await self._call(
                "GET",
                "/api/v1/projects",
                query={
                    "limit": limit,
                    "after": after,
                    "tenant": tenant,
                    "managed_by": managed_by,
                    "q": q,
                },
            ),
        )

    def iter_projects(
        self,
        *,
        limit: int | None = None,
        tenant: str | None = None,
        managed_by: Literal["api", "file", "engine"] | None = None,
        q: str | None = None,
    ) -> AsyncIterator[m.Project]:
        """List projects, page after page."""
        return self._pages(
            "GET",
            "/api/v1/projects",
            query={"limit": limit, "tenant": tenant, "managed_by": managed_by, "q": q},
        )

    @overload
    async def create_project(
        self, body: m.NewProject, *, dry_run: Literal[False] = False
    ) -> m.Project: ...
    @overload
    async def create_project(self, body: m.NewProject, *, dry_run: Literal[True]) -> m.DryRun: ...
    async def create_project(self, body: m.NewProject, *, dry_run: bool = False) -> Any:
        """Create a project of a tenant."""
        return await self._call(
            "POST", "/api/v1/projects", query={"dry_run": dry_run or None}, body=body
        )

    @overload
    async def put_project(
        self, body: m.NewProject, *, if_match: str | None = None, dry_run: Literal[False] = False
    ) -> m.Project: ...
    @overload
    async def put_project(
        self, body: m.NewProject, *, if_match: str | None = None, dry_run: Literal[True]
    ) -> m.DryRun: ...
    async def put_project(
        self, body: m.NewProject, *, if_match: str | None = None, dry_run: bool = False
    ) -> Any:
        """Create a project, or say all of the one of this tenant and name."""
        return await self._call(
            "PUT",
            "/api/v1/projects",
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    async def get_project(self, project: str) -> m.Project:
        """Show a project."""
        return cast(
            m.Project,
            await self._call("GET", "/api/v1/projects/{project}", path={"project": project}),
        )

    @overload
    async def update_project(
        self,
        project: str,
        body: m.ProjectChange,
        *,
        if_match: str | None = None,
        dry_run: Literal[False] = False,
    ) -> m.Project: ...
    @overload
    async def update_project(
        self,
        project: str,
        body: m.ProjectChange,
        *,
        if_match: str | None = None,
        dry_run: Literal[True],
    ) -> m.DryRun: ...
    async def update_project(
        self,
        project: str,
        body: m.ProjectChange,
        *,
        if_match: str | None = None,
        dry_run: bool = False,
    ) -> Any:
        """Change a project."""
        return await self._call(
            "PATCH",
            "/api/v1/projects/{project}",
            path={"project": project},
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    @overload
    async def delete_project(
        self, project: str, *, if_match: str | None = None, dry_run: Literal[False] = False
    ) -> None: ...
    @overload
    async def delete_project(
        self, project: str, *, if_match: str | None = None, dry_run: Literal[True]
    ) -> m.DryRun: ...
    async def delete_project(
        self, project: str, *, if_match: str | None = None, dry_run: bool = False
    ) -> Any:
        """Delete a project with its keys."""
        return await self._call(
            "DELETE",
            "/api/v1/projects/{project}",
            path={"project": project},
            query={"dry_run": dry_run or None},
            if_match=if_match,
        )

    async def list_keys(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        tenant: str | None = None,
        project: str | None = None,
        owner: str | None = None,
        managed_by: Literal["api", "file", "engine"] | None = None,
        q: str | None = None,
    ) -> m.KeyPage:
        """List keys, never their text."""
        return cast(
            m.KeyPage,
            await self._call(
                "GET",
                "/api/v1/keys",
                query={
                    "limit": limit,
                    "after": after,
                    "tenant": tenant,
                    "project": project,
                    "owner": owner,
                    "managed_by": managed_by,
                    "q": q,
                },
            ),
        )

    def iter_keys(
        self,
        *,
        limit: int | None = None,
        tenant: str | None = None,
        project: str | None = None,
        owner: str | None = None,
        managed_by: Literal["api", "file", "engine"] | None = None,
        q: str | None = None,
    ) -> AsyncIterator[m.Key]:
        """List keys, never their text, page after page."""
        return self._pages(
            "GET",
            "/api/v1/keys",
            query={
                "limit": limit,
                "tenant": tenant,
                "project": project,
                "owner": owner,
                "managed_by": managed_by,
                "q": q,
            },
        )

    @overload
    async def create_key(
        self, body: m.NewKey, *, dry_run: Literal[False] = False
    ) -> m.NewKeyShown: ...
    @overload
    async def create_key(self, body: m.NewKey, *, dry_run: Literal[True]) -> m.DryRun: ...
    async def create_key(self, body: m.NewKey, *, dry_run: bool = False) -> Any:
        """Create a key."""
        return await self._call(
            "POST", "/api/v1/keys", query={"dry_run": dry_run or None}, body=body
        )

    async def get_key(self, key: str) -> m.Key:
        """Show a key."""
        return cast(m.Key, await self._call("GET", "/api/v1/keys/{key}", path={"key": key}))

    @overload
    async def put_key(
        self,
        key: str,
        body: m.KeyChange,
        *,
        if_match: str | None = None,
        dry_run: Literal[False] = False,
    ) -> m.Key: ...
    @overload
    async def put_key(
        self, key: str, body: m.KeyChange, *, if_match: str | None = None, dry_run: Literal[True]
    ) -> m.DryRun: ...
    async def put_key(
        self, key: str, body: m.KeyChange, *, if_match: str | None = None, dry_run: bool = False
    ) -> Any:
        """Say all of a key."""
        return await self._call(
            "PUT",
            "/api/v1/keys/{key}",
            path={"key": key},
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    @overload
    async def update_key(
        self,
        key: str,
        body: m.KeyChange,
        *,
        if_match: str | None = None,
        dry_run: Literal[False] = False,
    ) -> m.Key: ...
    @overload
    async def update_key(
        self, key: str, body: m.KeyChange, *, if_match: str | None = None, dry_run: Literal[True]
    ) -> m.DryRun: ...
    async def update_key(
        self, key: str, body: m.KeyChange, *, if_match: str | None = None, dry_run: bool = False
    ) -> Any:
        """Change a key."""
        return await self._call(
            "PATCH",
            "/api/v1/keys/{key}",
            path={"key": key},
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    @overload
    async def delete_key(
        self, key: str, *, if_match: str | None = None, dry_run: Literal[False] = False
    ) -> None: ...
    @overload
    async def delete_key(
        self, key: str, *, if_match: str | None = None, dry_run: Literal[True]
    ) -> m.DryRun: ...
    async def delete_key(
        self, key: str, *, if_match: str | None = None, dry_run: bool = False
    ) -> Any:
        """Delete a key."""
        return await self._call(
            "DELETE",
            "/api/v1/keys/{key}",
            path={"key": key},
            query={"dry_run": dry_run or None},
            if_match=if_match,
        )

    @overload
    async def revoke_key(
        self,
        key: str,
        body: m.Nothing | None = None,
        *,
        if_match: str | None = None,
        dry_run: Literal[False] = False,
    ) -> m.Key: ...
    @overload
    async def revoke_key(
        self,
        key: str,
        body: m.Nothing | None = None,
        *,
        if_match: str | None = None,
        dry_run: Literal[True],
    ) -> m.DryRun: ...
    async def revoke_key(
        self,
        key: str,
        body: m.Nothing | None = None,
        *,
        if_match: str | None = None,
        dry_run: bool = False,
    ) -> Any:
        """End a key and keep its record."""
        return await self._call(
            "POST",
            "/api/v1/keys/{key}/revoke",
            path={"key": key},
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    @overload
    async def rotate_key(
        self,
        key: str,
        body: m.Rotation | None = None,
        *,
        if_match: str | None = None,
        dry_run: Literal[False] = False,
    ) -> m.NewKeyShown: ...
    @overload
    async def rotate_key(
        self,
        key: str,
        body: m.Rotation | None = None,
        *,
        if_match: str | None = None,
        dry_run: Literal[True],
    ) -> m.DryRun: ...
    async def rotate_key(
        self,
        key: str,
        body: m.Rotation | None = None,
        *,
        if_match: str | None = None,
        dry_run: bool = False,
    ) -> Any:
        """Give a key a new text."""
        return await self._call(
            "POST",
            "/api/v1/keys/{key}/rotate",
            path={"key": key},
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    async def list_models(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        managed_by: Literal["api", "file", "engine"] | None = None,
        q: str | None = None,
    ) -> m.ModelPage:
        """List models, those that engines list as well."""
        return cast(
            m.ModelPage,
            await self._call(
                "GET",
                "/api/v1/models",
                query={"limit": limit, "after": after, "managed_by": managed_by, "q": q},
            ),
        )

    def iter_models(
        self,
        *,
        limit: int | None = None,
        managed_by: Literal["api", "file", "engine"] | None = None,
        q: str | None = None,
    ) -> AsyncIterator[m.Model]:
        """List models, those that engines list as well, page after page."""
        return self._pages(
            "GET", "/api/v1/models", query={"limit": limit, "managed_by": managed_by, "q": q}
        )

    @overload
    async def create_model(
        self, body: m.NewModel, *, dry_run: Literal[False] = False
    ) -> m.Model: ...
    @overload
    async def create_model(self, body: m.NewModel, *, dry_run: Literal[True]) -> m.DryRun: ...
    async def create_model(self, body: m.NewModel, *, dry_run: bool = False) -> Any:
        """Offer a model."""
        return await self._call(
            "POST", "/api/v1/models", query={"dry_run": dry_run or None}, body=body
        )

    async def get_model(self, model: str) -> m.Model:
        """Show a model."""
        return cast(
            m.Model, await self._call("GET", "/api/v1/models/{model}", path={"model": model})
        )

    @overload
    async def put_model(
        self,
        model: str,
        body: m.NewModel,
        *,
        if_match: str | None = None,
        dry_run: Literal[False] = False,
    ) -> m.Model: ...
    @overload
    async def put_model(
        self, model: str, body: m.NewModel, *, if_match: str | None = None, dry_run: Literal[True]
    ) -> m.DryRun: ...
    async def put_model(
        self, model: str, body: m.NewModel, *, if_match: str | None = None, dry_run: bool = False
    ) -> Any:
        """Say all of a model, whether it is there or not."""
        return await self._call(
            "PUT",
            "/api/v1/models/{model}",
            path={"model": model},
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    @overload
    async def update_model(
        self,
        model: str,
        body: m.ModelChange,
        *,
        if_match: str | None = None,
        dry_run: Literal[False] = False,
    ) -> m.Model: ...
    @overload
    async def update_model(
        self,
        model: str,
        body: m.ModelChange,
        *,
        if_match: str | None = None,
        dry_run: Literal[True],
    ) -> m.DryRun: ...
    async def update_model(
        self, model: str, body: m.ModelChange, *, if_match: str | None = None, dry_run: bool = False
    ) -> Any:
        """Change a model."""
        return await self._call(
            "PATCH",
            "/api/v1/models/{model}",
            path={"model": model},
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    @overload
    async def delete_model(
        self, model: str, *, if_match: str | None = None, dry_run: Literal[False] = False
    ) -> None: ...
    @overload
    async def delete_model(
        self, model: str, *, if_match: str | None = None, dry_run: Literal[True]
    ) -> m.DryRun: ...
    async def delete_model(
        self, model: str, *, if_match: str | None = None, dry_run: bool = False
    ) -> Any:
        """Stop offering a model."""
        return await self._call(
            "DELETE",
            "/api/v1/models/{model}",
            path={"model": model},
            query={"dry_run": dry_run or None},
            if_match=if_match,
        )

    async def list_artifacts(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        name: str | None = None,
        stage: Literal["draft", "testing", "released", "deprecated", "retired"] | None = None,
    ) -> m.ArtifactPage:
        """List artifacts."""
        return cast(
            m.ArtifactPage,
            await self._call(
                "GET",
                "/api/v1/artifacts",
                query={"limit": limit, "after": after, "name": name, "stage": stage},
            ),
        )

    def iter_artifacts(
        self,
        *,
        limit: int | None = None,
        name: str | None = None,
        stage: Literal["draft", "testing", "released", "deprecated", "retired"] | None = None,
    ) -> AsyncIterator[m.Artifact]:
        """List artifacts, page after page."""
        return self._pages(
            "GET", "/api/v1/artifacts", query={"limit": limit, "name": name, "stage": stage}
        )

    @overload
    async def create_artifact(
        self, body: m.NewArtifact, *, dry_run: Literal[False] = False
    ) -> m.Artifact: ...
    @overload
    async def create_artifact(self, body: m.NewArtifact, *, dry_run: Literal[True]) -> m.DryRun: ...
    async def create_artifact(self, body: m.NewArtifact, *, dry_run: bool = False) -> Any:
        """Register files that were imported, as a draft."""
        return await self._call(
            "POST", "/api/v1/artifacts", query={"dry_run": dry_run or None}, body=body
        )

    async def get_artifact(self, artifact: str) -> m.Artifact:
        """Show an artifact, with its latest test run."""
        return cast(
            m.Artifact,
            await self._call("GET", "/api/v1/artifacts/{artifact}", path={"artifact": artifact}),
        )

    @overload
    async def update_artifact(
        self,
        artifact: str,
        body: m.ArtifactChange,
        *,
        if_match: str | None = None,
        dry_run: Literal[False] = False,
    ) -> m.Artifact: ...
    @overload
    async def update_artifact(
        self,
        artifact: str,
        body: m.ArtifactChange,
        *,
        if_match: str | None = None,
        dry_run: Literal[True],
    ) -> m.DryRun: ...
    async def update_artifact(
        self,
        artifact: str,
        body: m.ArtifactChange,
        *,
        if_match: str | None = None,
        dry_run: bool = False,
    ) -> Any:
        """Change what people say of an artifact."""
        return await self._call(
            "PATCH",
            "/api/v1/artifacts/{artifact}",
            path={"artifact": artifact},
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    @overload
    async def delete_artifact(
        self, artifact: str, *, if_match: str | None = None, dry_run: Literal[False] = False
    ) -> None: ...
    @overload
    async def delete_artifact(
        self, artifact: str, *, if_match: str | None = None, dry_run: Literal[True]
    ) -> m.DryRun: ...
    async def delete_artifact(
        self, artifact: str, *, if_match: str | None = None, dry_run: bool = False
    ) -> Any:
        """Delete a draft or retired artifact, with its files."""
        return await self._call(
            "DELETE",
            "/api/v1/artifacts/{artifact}",
            path={"artifact": artifact},
            query={"dry_run": dry_run or None},
            if_match=if_match,
        )

    @overload
    async def move_artifact(
        self,
        artifact: str,
        body: m.ArtifactMove,
        *,
        if_match: str | None = None,
        dry_run: Literal[False] = False,
    ) -> m.Artifact: ...
    @overload
    async def move_artifact(
        self,
        artifact: str,
        body: m.ArtifactMove,
        *,
        if_match: str | None = None,
        dry_run: Literal[True],
    ) -> m.DryRun: ...
    async def move_artifact(
        self,
        artifact: str,
        body: m.ArtifactMove,
        *,
        if_match: str | None = None,
        dry_run: bool = False,
    ) -> Any:
        """Bring an artifact to another stage."""
        return await self._call(
            "POST",
            "/api/v1/artifacts/{artifact}/move",
            path={"artifact": artifact},
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    async def list_artifact_tests(
        self, artifact: str, *, limit: int | None = None, after: str | None = None
    ) -> m.TestRunPage:
        """List the test runs of an artifact, oldest first."""
        return cast(
            m.TestRunPage,
            await self._call(
                "GET",
                "/api/v1/artifacts/{artifact}/tests",
                path={"artifact": artifact},
                query={"limit": limit, "after": after},
            ),
        )

    def iter_artifact_tests(
        self, artifact: str, *, limit: int | None = None
    ) -> AsyncIterator[m.TestRun]:
        """List the test runs of an artifact, oldest first, page after page."""
        return self._pages(
            "GET",
            "/api/v1/artifacts/{artifact}/tests",
            path={"artifact": artifact},
            query={"limit": limit},
        )

    @overload
    async def add_artifact_test(
        self, artifact: str, body: m.NewTestRun, *, dry_run: Literal[False] = False
    ) -> m.TestRun: ...
    @overload
    async def add_artifact_test(
        self, artifact: str, body: m.NewTestRun, *, dry_run: Literal[True]
    ) -> m.DryRun: ...
    async def add_artifact_test(
        self, artifact: str, body: m.NewTestRun, *, dry_run: bool = False
    ) -> Any:
        """Keep what a set of prompts gave."""
        return await self._call(
            "POST",
            "/api/v1/artifacts/{artifact}/tests",
            path={"artifact": artifact},
            query={"dry_run": dry_run or None},
            body=body,
        )

    async def list_engines(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        managed_by: Literal["api", "file", "engine"] | None = None,
        q: str | None = None,
    ) -> m.EnginePage:
        """List the engines in use, with their state."""
        return cast(
            m.EnginePage,
            await self._call(
                "GET",
                "/api/v1/engines",
                query={"limit": limit, "after": after, "managed_by": managed_by, "q": q},
            ),
        )

    def iter_engines(
        self,
        *,
        limit: int | None = None,
        managed_by: Literal["api", "file", "engine"] | None = None,
        q: str | None = None,
    ) -> AsyncIterator[m.Engine]:
        """List the engines in use, with their state, page after page."""
        return self._pages(
            "GET", "/api/v1/engines", query={"limit": limit, "managed_by": managed_by, "q": q}
        )

    @overload
    async def create_engine(
        self, body: m.NewEngine, *, dry_run: Literal[False] = False
    ) -> m.Engine: ...
    @overload
    async def create_engine(self, body: m.NewEngine, *, dry_run: Literal[True]) -> m.DryRun: ...
    async def create_engine(self, body: m.NewEngine, *, dry_run: bool = False) -> Any:
        """Use a remote engine from now on."""
        return await self._call(
            "POST", "/api/v1/engines", query={"dry_run": dry_run or None}, body=body
        )

    async def get_engine(self, engine: str) -> m.Engine:
        """Show an engine with its state."""
        return cast(
            m.Engine, await self._call("GET", "/api/v1/engines/{engine}", path={"engine": engine})
        )

    @overload
    async def put_engine(
        self,
        engine: str,
        body: m.NewEngine,
        *,
        if_match: str | None = None,
        dry_run: Literal[False] = False,
    ) -> m.Engine: ...
    @overload
    async def put_engine(
        self, engine: str, body: m.NewEngine, *, if_match: str | None = None, dry_run: Literal[True]
    ) -> m.DryRun: ...
    async def put_engine(
        self, engine: str, body: m.NewEngine, *, if_match: str | None = None, dry_run: bool = False
    ) -> Any:
        """Use a remote engine from now on, or say all of one."""
        return await self._call(
            "PUT",
            "/api/v1/engines/{engine}",
            path={"engine": engine},
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    @overload
    async def delete_engine(
        self, engine: str, *, if_match: str | None = None, dry_run: Literal[False] = False
    ) -> None: ...
    @overload
    async def delete_engine(
        self, engine: str, *, if_match: str | None = None, dry_run: Literal[True]
    ) -> m.DryRun: ...
    async def delete_engine(
        self, engine: str, *, if_match: str | None = None, dry_run: bool = False
    ) -> Any:
        """Stop using an engine."""
        return await self._call(
            "DELETE",
            "/api/v1/engines/{engine}",
            path={"engine": engine},
            query={"dry_run": dry_run or None},
            if_match=if_match,
        )

    @overload
    async def stop_engine(
        self,
        engine: str,
        body: m.EngineStop | None = None,
        *,
        if_match: str | None = None,
        dry_run: Literal[False] = False,
    ) -> m.Engine: ...
    @overload
    async def stop_engine(
        self,
        engine: str,
        body: m.EngineStop | None = None,
        *,
        if_match: str | None = None,
        dry_run: Literal[True],
    ) -> m.DryRun: ...
    async def stop_engine(
        self,
        engine: str,
        body: m.EngineStop | None = None,
        *,
        if_match: str | None = None,
        dry_run: bool = False,
    ) -> Any:
        """Take an engine out of service."""
        return await self._call(
            "POST",
            "/api/v1/engines/{engine}/stop",
            path={"engine": engine},
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    @overload
    async def start_engine(
        self,
        engine: str,
        body: m.Nothing | None = None,
        *,
        if_match: str | None = None,
        dry_run: Literal[False] = False,
    ) -> m.Engine: ...
    @overload
    async def start_engine(
        self,
        engine: str,
        body: m.Nothing | None = None,
        *,
        if_match: str | None = None,
        dry_run: Literal[True],
    ) -> m.DryRun: ...
    async def start_engine(
        self,
        engine: str,
        body: m.Nothing | None = None,
        *,
        if_match: str | None = None,
        dry_run: bool = False,
    ) -> Any:
        """Put an engine back in service."""
        return await self._call(
            "POST",
            "/api/v1/engines/{engine}/start",
            path={"engine": engine},
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    async def get_engine_log(self, engine: str, *, lines: int | None = None) -> m.EngineLog:
        """Show the last lines that a supervised engine's process wrote."""
        return cast(
            m.EngineLog,
            await self._call(
                "GET",
                "/api/v1/engines/{engine}/log",
                path={"engine": engine},
                query={"lines": lines},
            ),
        )

    async def list_routes(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        managed_by: Literal["api", "file", "engine"] | None = None,
        q: str | None = None,
    ) -> m.RoutePage:
        """List routes, the file's and those made here."""
        return cast(
            m.RoutePage,
            await self._call(
                "GET",
                "/api/v1/routes",
                query={"limit": limit, "after": after, "managed_by": managed_by, "q": q},
            ),
        )

    def iter_routes(
        self,
        *,
        limit: int | None = None,
        managed_by: Literal["api", "file", "engine"] | None = None,
        q: str | None = None,
    ) -> AsyncIterator[m.Route]:
        """List routes, the file's and those made here, page after page."""
        return self._pages(
            "GET", "/api/v1/routes", query={"limit": limit, "managed_by": managed_by, "q": q}
        )

    @overload
    async def create_route(
        self, body: m.RouteSpec, *, dry_run: Literal[False] = False
    ) -> m.Route: ...
    @overload
    async def create_route(self, body: m.RouteSpec, *, dry_run: Literal[True]) -> m.DryRun: ...
    async def create_route(self, body: m.RouteSpec, *, dry_run: bool = False) -> Any:
        """Make a route."""
        return await self._call(
            "POST", "/api/v1/routes", query={"dry_run": dry_run or None}, body=body
        )

    async def get_route(self, route: str) -> m.Route:
        """Show a route, with the share that each version has now."""
        return cast(
            m.Route, await self._call("GET", "/api/v1/routes/{route}", path={"route": route})
        )

    @overload
    async def put_route(
        self,
        route: str,
        body: m.RouteSpec,
        *,
        if_match: str | None = None,
        dry_run: Literal[False] = False,
    ) -> m.Route: ...
    @overload
    async def put_route(
        self, route: str, body: m.RouteSpec, *, if_match: str | None = None, dry_run: Literal[True]
    ) -> m.DryRun: ...
    async def put_route(
        self, route: str, body: m.RouteSpec, *, if_match: str | None = None, dry_run: bool = False
    ) -> Any:
        """Say all of a route, whether it is there or not."""
        return await self._call(
            "PUT",
            "/api/v1/routes/{route}",
            path={"route": route},
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    @overload
    async def update_route(
        self,
        route: str,
        body: m.RouteChange,
        *,
        if_match: str | None = None,
        dry_run: Literal[False] = False,
    ) -> m.Route: ...
    @overload
    async def update_route(
        self,
        route: str,
        body: m.RouteChange,
        *,
        if_match: str | None = None,
        dry_run: Literal[True],
    ) -> m.DryRun: ...
    async def update_route(
        self, route: str, body: m.RouteChange, *, if_match: str | None = None, dry_run: bool = False
    ) -> Any:
        """Change a route."""
        return await self._call(
            "PATCH",
            "/api/v1/routes/{route}",
            path={"route": route},
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    @overload
    async def delete_route(
        self, route: str, *, if_match: str | None = None, dry_run: Literal[False] = False
    ) -> None: ...
    @overload
    async def delete_route(
        self, route: str, *, if_match: str | None = None, dry_run: Literal[True]
    ) -> m.DryRun: ...
    async def delete_route(
        self, route: str, *, if_match: str | None = None, dry_run: bool = False
    ) -> Any:
        """Delete a route, with what its last rollout came to."""
        return await self._call(
            "DELETE",
            "/api/v1/routes/{route}",
            path={"route": route},
            query={"dry_run": dry_run or None},
            if_match=if_match,
        )

    async def get_route_mirror(self, route: str) -> m.Mirror:
        """Compare a route with its mirror."""
        return cast(
            m.Mirror,
            await self._call("GET", "/api/v1/routes/{route}/mirror", path={"route": route}),
        )

    async def list_rollouts(
        self, *, limit: int | None = None, after: str | None = None
    ) -> m.RolloutPage:
        """List the rollouts, one of a route."""
        return cast(
            m.RolloutPage,
            await self._call("GET", "/api/v1/rollouts", query={"limit": limit, "after": after}),
        )

    def iter_rollouts(self, *, limit: int | None = None) -> AsyncIterator[m.Rollout]:
        """List the rollouts, one of a route, page after page."""
        return self._pages("GET", "/api/v1/rollouts", query={"limit": limit})

    @overload
    async def start_rollout(
        self, body: m.NewRollout, *, dry_run: Literal[False] = False
    ) -> m.Rollout: ...
    @overload
    async def start_rollout(self, body: m.NewRollout, *, dry_run: Literal[True]) -> m.DryRun: ...
    async def start_rollout(self, body: m.NewRollout, *, dry_run: bool = False) -> Any:
        """Start a rollout."""
        return await self._call(
            "POST", "/api/v1/rollouts", query={"dry_run": dry_run or None}, body=body
        )

    async def get_rollout(self, route: str) -> m.Rollout:
        """Show a rollout with evidence, events and the comparison of both versions."""
        return cast(
            m.Rollout, await self._call("GET", "/api/v1/rollouts/{route}", path={"route": route})
        )

    @overload
    async def pause_rollout(
        self,
        route: str,
        body: m.Nothing | None = None,
        *,
        if_match: str | None = None,
        dry_run: Literal[False] = False,
    ) -> m.Rollout: ...
    @overload
    async def pause_rollout(
        self,
        route: str,
        body: m.Nothing | None = None,
        *,
        if_match: str | None = None,
        dry_run: Literal[True],
    ) -> m.DryRun: ...
    async def pause_rollout(
        self,
        route: str,
        body: m.Nothing | None = None,
        *,
        if_match: str | None = None,
        dry_run: bool = False,
    ) -> Any:
        """Hold a rollout's share; its gates still roll back."""
        return await self._call(
            "POST",
            "/api/v1/rollouts/{route}/pause",
            path={"route": route},
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    @overload
    async def resume_rollout(
        self,
        route: str,
        body: m.Nothing | None = None,
        *,
        if_match: str | None = None,
        dry_run: Literal[False] = False,
    ) -> m.Rollout: ...
    @overload
    async def resume_rollout(
        self,
        route: str,
        body: m.Nothing | None = None,
        *,
        if_match: str | None = None,
        dry_run: Literal[True],
    ) -> m.DryRun: ...
    async def resume_rollout(
        self,
        route: str,
        body: m.Nothing | None = None,
        *,
        if_match: str | None = None,
        dry_run: bool = False,
    ) -> Any:
        """Let a paused rollout go on."""
        return await self._call(
            "POST",
            "/api/v1/rollouts/{route}/resume",
            path={"route": route},
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    @overload
    async def promote_rollout(
        self,
        route: str,
        body: m.Nothing | None = None,
        *,
        if_match: str | None = None,
        dry_run: Literal[False] = False,
    ) -> m.Rollout: ...
    @overload
    async def promote_rollout(
        self,
        route: str,
        body: m.Nothing | None = None,
        *,
        if_match: str | None = None,
        dry_run: Literal[True],
    ) -> m.DryRun: ...
    async def promote_rollout(
        self,
        route: str,
        body: m.Nothing | None = None,
        *,
        if_match: str | None = None,
        dry_run: bool = False,
    ) -> Any:
        """Give the candidate everything now."""
        return await self._call(
            "POST",
            "/api/v1/rollouts/{route}/promote",
            path={"route": route},
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    @overload
    async def abort_rollout(
        self,
        route: str,
        body: m.Abort | None = None,
        *,
        if_match: str | None = None,
        dry_run: Literal[False] = False,
    ) -> m.Rollout: ...
    @overload
    async def abort_rollout(
        self,
        route: str,
        body: m.Abort | None = None,
        *,
        if_match: str | None = None,
        dry_run: Literal[True],
    ) -> m.DryRun: ...
    async def abort_rollout(
        self,
        route: str,
        body: m.Abort | None = None,
        *,
        if_match: str | None = None,
        dry_run: bool = False,
    ) -> Any:
        """Take the candidate's share back now."""
        return await self._call(
            "POST",
            "/api/v1/rollouts/{route}/abort",
            path={"route": route},
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    async def list_limits(
        self, *, limit: int | None = None, after: str | None = None, tenant: str | None = None
    ) -> m.LimitPage:
        """List limits with what is used of them now."""
        return cast(
            m.LimitPage,
            await self._call(
                "GET", "/api/v1/limits", query={"limit": limit, "after": after, "tenant": tenant}
            ),
        )

    def iter_limits(
        self, *, limit: int | None = None, tenant: str | None = None
    ) -> AsyncIterator[m.Limit]:
        """List limits with what is used of them now, page after page."""
        return self._pages("GET", "/api/v1/limits", query={"limit": limit, "tenant": tenant})

    @overload
    async def create_limit(
        self, body: m.NewLimit, *, dry_run: Literal[False] = False
    ) -> m.Limit: ...
    @overload
    async def create_limit(self, body: m.NewLimit, *, dry_run: Literal[True]) -> m.DryRun: ...
    async def create_limit(self, body: m.NewLimit, *, dry_run: bool = False) -> Any:
        """Set a limit that is not there yet."""
        return await self._call(
            "POST", "/api/v1/limits", query={"dry_run": dry_run or None}, body=body
        )

    @overload
    async def put_limit(
        self, body: m.NewLimit, *, if_match: str | None = None, dry_run: Literal[False] = False
    ) -> m.Limit: ...
    @overload
    async def put_limit(
        self, body: m.NewLimit, *, if_match: str | None = None, dry_run: Literal[True]
    ) -> m.DryRun: ...
    async def put_limit(
        self, body: m.NewLimit, *, if_match: str | None = None, dry_run: bool = False
    ) -> Any:
        """Set a limit, whether it is there or not."""
        return await self._call(
            "PUT",
            "/api/v1/limits",
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    async def get_limit(self, limit: str) -> m.Limit:
        """Show a limit with what is used of it now."""
        return cast(
            m.Limit, await self._call("GET", "/api/v1/limits/{limit}", path={"limit": limit})
        )

    @overload
    async def update_limit(
        self,
        limit: str,
        body: m.LimitChange,
        *,
        if_match: str | None = None,
        dry_run: Literal[False] = False,
    ) -> m.Limit: ...
    @overload
    async def update_limit(
        self,
        limit: str,
        body: m.LimitChange,
        *,
        if_match: str | None = None,
        dry_run: Literal[True],
    ) -> m.DryRun: ...
    async def update_limit(
        self, limit: str, body: m.LimitChange, *, if_match: str | None = None, dry_run: bool = False
    ) -> Any:
        """Change a limit."""
        return await self._call(
            "PATCH",
            "/api/v1/limits/{limit}",
            path={"limit": limit},
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    @overload
    async def delete_limit(
        self, limit: str, *, if_match: str | None = None, dry_run: Literal[False] = False
    ) -> None: ...
    @overload
    async def delete_limit(
        self, limit: str, *, if_match: str | None = None, dry_run: Literal[True]
    ) -> m.DryRun: ...
    async def delete_limit(
        self, limit: str, *, if_match: str | None = None, dry_run: bool = False
    ) -> Any:
        """Delete a limit."""
        return await self._call(
            "DELETE",
            "/api/v1/limits/{limit}",
            path={"limit": limit},
            query={"dry_run": dry_run or None},
            if_match=if_match,
        )

    async def list_prices(
        self, *, limit: int | None = None, after: str | None = None, model: str | None = None
    ) -> m.PricePage:
        """List the price versions of the configuration in force."""
        return cast(
            m.PricePage,
            await self._call(
                "GET", "/api/v1/prices", query={"limit": limit, "after": after, "model": model}
            ),
        )

    def iter_prices(
        self, *, limit: int | None = None, model: str | None = None
    ) -> AsyncIterator[m.Price]:
        """List the price versions of the configuration in force, page after page."""
        return self._pages("GET", "/api/v1/prices", query={"limit": limit, "model": model})

    async def get_price(self, price: str) -> m.Price:
        """Show a price version."""
        return cast(
            m.Price, await self._call("GET", "/api/v1/prices/{price}", path={"price": price})
        )

    async def list_pool_parts(
        self, *, limit: int | None = None, after: str | None = None, pool: str | None = None
    ) -> m.PoolPartPage:
        """List pools and their cohorts, tenants and projects with what they have and use."""
        return cast(
            m.PoolPartPage,
            await self._call(
                "GET", "/api/v1/pools", query={"limit": limit, "after": after, "pool": pool}
            ),
        )

    def iter_pool_parts(
        self, *, limit: int | None = None, pool: str | None = None
    ) -> AsyncIterator[m.PoolPart]:
        """List pools and their cohorts, tenants and projects with what they have and use, page after page."""
        return self._pages("GET", "/api/v1/pools", query={"limit": limit, "pool": pool})

    async def get_pool(self, pool: str) -> m.Pool:
        """Show a pool with engines, cohorts and parts."""
        return cast(m.Pool, await self._call("GET", "/api/v1/pools/{pool}", path={"pool": pool}))

    @overload
    async def set_pool_share(
        self,
        pool: str,
        body: m.PoolShareChange,
        *,
        if_match: str | None = None,
        dry_run: Literal[False] = False,
    ) -> m.PoolShare: ...
    @overload
    async def set_pool_share(
        self,
        pool: str,
        body: m.PoolShareChange,
        *,
        if_match: str | None = None,
        dry_run: Literal[True],
    ) -> m.DryRun: ...
    async def set_pool_share(
        self,
        pool: str,
        body: m.PoolShareChange,
        *,
        if_match: str | None = None,
        dry_run: bool = False,
    ) -> Any:
        """Give a tenant or project a share, or change the one it has."""
        return await self._call(
            "POST",
            "/api/v1/pools/{pool}/set",
            path={"pool": pool},
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    @overload
    async def remove_pool_share(
        self,
        pool: str,
        body: m.PoolShareHolder,
        *,
        if_match: str | None = None,
        dry_run: Literal[False] = False,
    ) -> None: ...
    @overload
    async def remove_pool_share(
        self,
        pool: str,
        body: m.PoolShareHolder,
        *,
        if_match: str | None = None,
        dry_run: Literal[True],
    ) -> m.DryRun: ...
    async def remove_pool_share(
        self,
        pool: str,
        body: m.PoolShareHolder,
        *,
        if_match: str | None = None,
        dry_run: bool = False,
    ) -> Any:
        """Take back a share."""
        return await self._call(
            "POST",
            "/api/v1/pools/{pool}/remove",
            path={"pool": pool},
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    async def get_usage(
        self,
        *,
        tenant: str | None = None,
        by: (
            Literal[
                "model",
                "key",
                "project",
                "user",
                "cost_centre",
                "cost-centre",
                "day",
                "month",
                "engine",
                "tenant",
                "revision",
                "price",
            ]
            | None
        ) = None,
        from_: str | None = None,
        until: str | None = None,
        month: str | None = None,
        project: str | None = None,
        key: str | None = None,
        model: str | None = None,
        user: str | None = None,
        cost_centre: str | None = None,
        engine: str | None = None,
        chart: Literal["tokens", "requests", "cost"] | None = None,
        width: int | None = None,
    ) -> m.Usage:
        """Add up usage, with cost, engine time and energy."""
        return cast(
            m.Usage,
            await self._call(
                "GET",
                "/api/v1/usage",
                query={
                    "tenant": tenant,
                    "by": by,
                    "from": from_,
                    "until": until,
                    "month": month,
                    "project": project,
                    "key": key,
                    "model": model,
                    "user": user,
                    "cost_centre": cost_centre,
                    "engine": engine,
                    "chart": chart,
                    "width": width,
                },
            ),
        )

    async def get_usage_text(
        self,
        *,
        tenant: str | None = None,
        by: (
            Literal[
                "model",
                "key",
                "project",
                "user",
                "cost_centre",
                "cost-centre",
                "day",
                "month",
                "engine",
                "tenant",
                "revision",
                "price",
            ]
            | None
        ) = None,
        from_: str | None = None,
        until: str | None = None,
        month: str | None = None,
        project: str | None = None,
        key: str | None = None,
        model: str | None = None,
        user: str | None = None,
        cost_centre: str | None = None,
        engine: str | None = None,
        chart: Literal["tokens", "requests", "cost"] | None = None,
        width: int | None = None,
        format: Literal["csv", "text"] = "text",
    ) -> str:
        """Add up usage, with cost, engine time and energy."""
        return await self._call_text(
            "GET",
            "/api/v1/usage",
            query={
                "tenant": tenant,
                "by": by,
                "from": from_,
                "until": until,
                "month": month,
                "project": project,
                "key": key,
                "model": model,
                "user": user,
                "cost_centre": cost_centre,
                "engine": engine,
                "chart": chart,
                "width": width,
                "format": format,
            },
        )

    async def get_usage_forecast(self, *, tenant: str) -> m.Forecast:
        """Say what a tenant's month will have been at its end."""
        return cast(
            m.Forecast, await self._call("GET", "/api/v1/usage/forecast", query={"tenant": tenant})
        )

    async def get_usage_forecast_text(
        self, *, tenant: str, format: Literal["csv", "text"] = "text"
    ) -> str:
        """Say what a tenant's month will have been at its end."""
        return await self._call_text(
            "GET", "/api/v1/usage/forecast", query={"tenant": tenant, "format": format}
        )

    async def get_statement(self, tenant: str, month: str) -> m.Statement:
        """Show what a tenant owes for a month."""
        return cast(
            m.Statement,
            await self._call(
                "GET",
                "/api/v1/statements/{tenant}/{month}",
                path={"tenant": tenant, "month": month},
            ),
        )

    async def get_statement_text(
        self, tenant: str, month: str, *, format: Literal["csv", "text", "html"] = "text"
    ) -> str:
        """Show what a tenant owes for a month."""
        return await self._call_text(
            "GET",
            "/api/v1/statements/{tenant}/{month}",
            path={"tenant": tenant, "month": month},
            query={"format": format},
        )

    async def create_adjustment(self, tenant: str, body: m.NewAdjustment) -> m.Adjustment:
        """Book a correction in the open month."""
        return cast(
            m.Adjustment,
            await self._call(
                "POST",
                "/api/v1/statements/{tenant}/adjustments",
                path={"tenant": tenant},
                body=body,
            ),
        )

    async def list_requests(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        tenant: str | None = None,
        project: str | None = None,
        key: str | None = None,
        model: str | None = None,
        status: Literal["open", "completed", "cancelled", "failed"] | None = None,
        since: str | None = None,
        until: str | None = None,
    ) -> m.RequestPage:
        """List requests, the newest first."""
        return cast(
            m.RequestPage,
            await self._call(
                "GET",
                "/api/v1/requests",
                query={
                    "limit": limit,
                    "after": after,
                    "tenant": tenant,
                    "project": project,
                    "key": key,
                    "model": model,
                    "status": status,
                    "since": since,
                    "until": until,
                },
            ),
        )

    def iter_requests(
        self,
        *,
        limit: int | None = None,
        tenant: str | None = None,
        project: str | None = None,
        key: str | None = None,
        model: str | None = None,
        status: Literal["open", "completed", "cancelled", "failed"] | None = None,
        since: str | None = None,
        until: str | None = None,
    ) -> AsyncIterator[m.RequestRow]:
        """List requests, the newest first, page after page."""
        return self._pages(
            "GET",
            "/api/v1/requests",
            query={
                "limit": limit,
                "tenant": tenant,
                "project": project,
                "key": key,
                "model": model,
                "status": status,
                "since": since,
                "until": until,
            },
        )

    async def explain_request(self, request: str) -> m.Explanation:
        """Tell the life of one request."""
        return cast(
            m.Explanation,
            await self._call("GET", "/api/v1/requests/{request}", path={"request": request}),
        )

    async def explain_request_text(self, request: str, *, format: Literal["text"] = "text") -> str:
        """Tell the life of one request."""
        return await self._call_text(
            "GET", "/api/v1/requests/{request}", path={"request": request}, query={"format": format}
        )

    async def get_live(self, *, tenant: str | None = None) -> m.Live:
        """Show what goes on at this moment."""
        return cast(m.Live, await self._call("GET", "/api/v1/live", query={"tenant": tenant}))

    async def list_events(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        tenant: str | None = None,
        kind: str | None = None,
        severity: Literal["info", "warning", "error"] | None = None,
    ) -> m.EventPage:
        """List what has happened, the newest first."""
        return cast(
            m.EventPage,
            await self._call(
                "GET",
                "/api/v1/events",
                query={
                    "limit": limit,
                    "after": after,
                    "tenant": tenant,
                    "kind": kind,
                    "severity": severity,
                },
            ),
        )

    def iter_events(
        self,
        *,
        limit: int | None = None,
        tenant: str | None = None,
        kind: str | None = None,
        severity: Literal["info", "warning", "error"] | None = None,
    ) -> AsyncIterator[m.Event]:
        """List what has happened, the newest first, page after page."""
        return self._pages(
            "GET",
            "/api/v1/events",
            query={"limit": limit, "tenant": tenant, "kind": kind, "severity": severity},
        )

    async def list_webhooks(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        tenant: str | None = None,
        managed_by: Literal["api", "file", "engine"] | None = None,
        q: str | None = None,
    ) -> m.WebhookPage:
        """List webhooks, never their secrets."""
        return cast(
            m.WebhookPage,
            await self._call(
                "GET",
                "/api/v1/webhooks",
                query={
                    "limit": limit,
                    "after": after,
                    "tenant": tenant,
                    "managed_by": managed_by,
                    "q": q,
                },
            ),
        )

    def iter_webhooks(
        self,
        *,
        limit: int | None = None,
        tenant: str | None = None,
        managed_by: Literal["api", "file", "engine"] | None = None,
        q: str | None = None,
    ) -> AsyncIterator[m.Webhook]:
        """List webhooks, never their secrets, page after page."""
        return self._pages(
            "GET",
            "/api/v1/webhooks",
            query={"limit": limit, "tenant": tenant, "managed_by": managed_by, "q": q},
        )

    @overload
    async def create_webhook(
        self, body: m.NewWebhook, *, dry_run: Literal[False] = False
    ) -> m.NewWebhookShown: ...
    @overload
    async def create_webhook(self, body: m.NewWebhook, *, dry_run: Literal[True]) -> m.DryRun: ...
    async def create_webhook(self, body: m.NewWebhook, *, dry_run: bool = False) -> Any:
        """Have events told to a receiver."""
        return await self._call(
            "POST", "/api/v1/webhooks", query={"dry_run": dry_run or None}, body=body
        )

    async def get_webhook(self, webhook: str) -> m.Webhook:
        """Show a webhook and what came of its deliveries."""
        return cast(
            m.Webhook,
            await self._call("GET", "/api/v1/webhooks/{webhook}", path={"webhook": webhook}),
        )

    @overload
    async def put_webhook(
        self,
        webhook: str,
        body: m.WebhookWhole,
        *,
        if_match: str | None = None,
        dry_run: Literal[False] = False,
    ) -> m.Webhook: ...
    @overload
    async def put_webhook(
        self,
        webhook: str,
        body: m.WebhookWhole,
        *,
        if_match: str | None = None,
        dry_run: Literal[True],
    ) -> m.DryRun: ...
    async def put_webhook(
        self,
        webhook: str,
        body: m.WebhookWhole,
        *,
        if_match: str | None = None,
        dry_run: bool = False,
    ) -> Any:
        """Say all of a webhook."""
        return await self._call(
            "PUT",
            "/api/v1/webhooks/{webhook}",
            path={"webhook": webhook},
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    @overload
    async def update_webhook(
        self,
        webhook: str,
        body: m.WebhookChange,
        *,
        if_match: str | None = None,
        dry_run: Literal[False] = False,
    ) -> m.Webhook: ...
    @overload
    async def update_webhook(
        self,
        webhook: str,
        body: m.WebhookChange,
        *,
        if_match: str | None = None,
        dry_run: Literal[True],
    ) -> m.DryRun: ...
    async def update_webhook(
        self,
        webhook: str,
        body: m.WebhookChange,
        *,
        if_match: str | None = None,
        dry_run: bool = False,
    ) -> Any:
        """Change a webhook."""
        return await self._call(
            "PATCH",
            "/api/v1/webhooks/{webhook}",
            path={"webhook": webhook},
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    @overload
    async def delete_webhook(
        self, webhook: str, *, if_match: str | None = None, dry_run: Literal[False] = False
    ) -> None: ...
    @overload
    async def delete_webhook(
        self, webhook: str, *, if_match: str | None = None, dry_run: Literal[True]
    ) -> m.DryRun: ...
    async def delete_webhook(
        self, webhook: str, *, if_match: str | None = None, dry_run: bool = False
    ) -> Any:
        """Delete a webhook."""
        return await self._call(
            "DELETE",
            "/api/v1/webhooks/{webhook}",
            path={"webhook": webhook},
            query={"dry_run": dry_run or None},
            if_match=if_match,
        )

    @overload
    async def rotate_webhook(
        self,
        webhook: str,
        body: m.Nothing | None = None,
        *,
        if_match: str | None = None,
        dry_run: Literal[False] = False,
    ) -> m.NewWebhookShown: ...
    @overload
    async def rotate_webhook(
        self,
        webhook: str,
        body: m.Nothing | None = None,
        *,
        if_match: str | None = None,
        dry_run: Literal[True],
    ) -> m.DryRun: ...
    async def rotate_webhook(
        self,
        webhook: str,
        body: m.Nothing | None = None,
        *,
        if_match: str | None = None,
        dry_run: bool = False,
    ) -> Any:
        """Give a webhook a new secret."""
        return await self._call(
            "POST",
            "/api/v1/webhooks/{webhook}/rotate",
            path={"webhook": webhook},
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    @overload
    async def test_webhook(
        self,
        webhook: str,
        body: m.Nothing | None = None,
        *,
        if_match: str | None = None,
        dry_run: Literal[False] = False,
    ) -> m.Webhook: ...
    @overload
    async def test_webhook(
        self,
        webhook: str,
        body: m.Nothing | None = None,
        *,
        if_match: str | None = None,
        dry_run: Literal[True],
    ) -> m.DryRun: ...
    async def test_webhook(
        self,
        webhook: str,
        body: m.Nothing | None = None,
        *,
        if_match: str | None = None,
        dry_run: bool = False,
    ) -> Any:
        """Send an event to a webhook."""
        return await self._call(
            "POST",
            "/api/v1/webhooks/{webhook}/test",
            path={"webhook": webhook},
            query={"dry_run": dry_run or None},
            body=body,
            if_match=if_match,
        )

    async def verify_ledger(self) -> m.LedgerCheck:
        """Compute every balance, roll-up and charge from the rows again."""
        return cast(m.LedgerCheck, await self._call("POST", "/api/v1/ledger/verify"))

    async def verify_ledger_text(self, *, format: Literal["text"] = "text") -> str:
        """Compute every balance, roll-up and charge from the rows again."""
        return await self._call_text("POST", "/api/v1/ledger/verify", query={"format": format})

    async def list_audit_entries(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        tenant: str | None = None,
        action: str | None = None,
        object: str | None = None,
        subject: str | None = None,
        from_: str | None = None,
        until: str | None = None,
    ) -> m.AuditEntryPage:
        """List entries of the audit log, newest first."""
        return cast(
            m.AuditEntryPage,
            await self._call(
                "GET",
                "/api/v1/audit/entries",
                query={
                    "limit": limit,
                    "after": after,
                    "tenant": tenant,
                    "action": action,
                    "object": object,
                    "subject": subject,
                    "from": from_,
                    "until": until,
                },
            ),
        )

    def iter_audit_entries(
        self,
        *,
        limit: int | None = None,
        tenant: str | None = None,
        action: str | None = None,
        object: str | None = None,
        subject: str | None = None,
        from_: str | None = None,
        until: str | None = None,
    ) -> AsyncIterator[m.AuditEntryListed]:
        """List entries of the audit log, newest first, page after page."""
        return self._pages(
            "GET",
            "/api/v1/audit/entries",
            query={
                "limit": limit,
                "tenant": tenant,
                "action": action,
                "object": object,
                "subject": subject,
                "from": from_,
                "until": until,
            },
        )

    async def get_audit_entry(self, entry: str, *, detail: bool | None = None) -> m.AuditEntryShown:
        """Show an entry."""
        return cast(
            m.AuditEntryShown,
            await self._call(
                "GET",
                "/api/v1/audit/entries/{entry}",
                path={"entry": entry},
                query={"detail": detail},
            ),
        )

    async def get_audit_proof(self, entry: str) -> m.AuditProof:
        """Prove that an entry is in the log."""
        return cast(
            m.AuditProof,
            await self._call("GET", "/api/v1/audit/entries/{entry}/proof", path={"entry": entry}),
        )

    async def get_audit_checkpoint(self) -> m.AuditCheckpoint:
        """Sign a checkpoint of everything durable."""
        return cast(m.AuditCheckpoint, await self._call("GET", "/api/v1/audit/checkpoint"))

    async def export_audit(
        self, *, tenant: str, size: int, after: str | None = None
    ) -> m.AuditExportPage:
        """List a tenant's entries, each with its proof."""
        return cast(
            m.AuditExportPage,
            await self._call(
                "GET",
                "/api/v1/audit/export",
                query={"tenant": tenant, "size": size, "after": after},
            ),
        )

    def iter_export_audit(self, *, tenant: str, size: int) -> AsyncIterator[dict[str, Any]]:
        """List a tenant's entries, each with its proof, page after page."""
        return self._pages("GET", "/api/v1/audit/export", query={"tenant": tenant, "size": size})

    async def list_holds(
        self, *, limit: int | None = None, after: str | None = None, tenant: str | None = None
    ) -> m.HoldPage:
        """List the legal holds that are on."""
        return cast(
            m.HoldPage,
            await self._call(
                "GET",
                "/api/v1/audit/holds",
                query={"limit": limit, "after": after, "tenant": tenant},
            ),
        )

    def iter_holds(
        self, *, limit: int | None = None, tenant: str | None = None
    ) -> AsyncIterator[m.Hold]:
        """List the legal holds that are on, page after page."""
        return self._pages("GET", "/api/v1/audit/holds", query={"limit": limit, "tenant": tenant})

    async def hold(self, body: m.HoldOf) -> m.HoldSet:
        """Forbid erasing and deleting what is of a user or a tenant."""
        return cast(m.HoldSet, await self._call("POST", "/api/v1/audit/hold", body=body))

    async def release_hold(self, body: m.HoldOf) -> m.EntryIndex:
        """Take a legal hold off."""
        return cast(m.EntryIndex, await self._call("POST", "/api/v1/audit/release", body=body))

    async def erase(self, body: m.ErasureOf) -> m.Erasure:
        """Destroy what would tell who a person is."""
        return cast(m.Erasure, await self._call("POST", "/api/v1/audit/erase", body=body))

    async def add_witnessed(self, body: m.Witnessed) -> m.EntryIndex:
        """Hand in a checkpoint that a witness has cosigned."""
        return cast(m.EntryIndex, await self._call("POST", "/api/v1/audit/witnessed", body=body))

    async def note_backup(self, body: m.Backup) -> m.EntryIndex:
        """Say that an archive of the data folder has been made."""
        return cast(m.EntryIndex, await self._call("POST", "/api/v1/audit/backup", body=body))

    async def rotate_audit_key(self, body: m.Reason | None = None) -> m.EntryIndex:
        """Sign with a new key, announced under the old one."""
        return cast(m.EntryIndex, await self._call("POST", "/api/v1/audit/rotate-key", body=body))

    async def get_system(self) -> m.System:
        """Show version, readiness and the ledger's counters."""
        return cast(m.System, await self._call("GET", "/api/v1/system"))

    async def list_roles(self) -> m.RolePage:
        """Show what each role may."""
        return cast(m.RolePage, await self._call("GET", "/api/v1/roles"))

    async def get_config(self) -> m.EffectiveConfig:
        """Show the configuration in force."""
        return cast(m.EffectiveConfig, await self._call("GET", "/api/v1/config"))

    async def sign_in(self, body: m.Login) -> m.Session:
        """Sign in."""
        return cast(m.Session, await self._call("POST", "/api/v1/sessions", body=body))

    async def get_session(self) -> m.Session:
        """Show who the caller is and what they may."""
        return cast(m.Session, await self._call("GET", "/api/v1/session"))

    async def sign_out(self, *, if_match: str | None = None) -> None:
        """Sign out."""
        await self._call("DELETE", "/api/v1/session", if_match=if_match)

    async def set_up(self, body: m.SetUp) -> m.User:
        """Make a platform administrator with a one-time token."""
        return cast(m.User, await self._call("POST", "/api/v1/setup", body=body))

    async def create_setup_token(self, body: m.Nothing | None = None) -> m.SetupToken:
        """Make a one-time token for POST /api/v1/setup."""
        return cast(m.SetupToken, await self._call("POST", "/api/v1/setup/token", body=body))

    async def list_users(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        tenant: str | None = None,
        managed_by: Literal["api", "file", "engine"] | None = None,
        q: str | None = None,
    ) -> m.UserPage:
        """List users."""
        return cast(
            m.UserPage,
            await self._call(
                "GET",
                "/api/v1/users",
                query={
                    "limit": limit,
                    "after": after,
                    "tenant": tenant,
                    "managed_by": managed_by,
                    "q": q,
                },
            ),
        )

    def iter_users(
        self,
        *,
        limit: int | None = None,
        tenant: str | None = None,
        managed_by: Literal["api", "file", "engine"] | None = None,
        q: str | None = None,
    ) -> AsyncIterator[m.User]:
        """List users, page after page."""
        return self._pages(
            "GET",
            "/api/v1/users",
            query={"limit": limit, "tenant": tenant, "managed_by": managed_by, "q": q},
        )

    async def create_user(self, body: m.NewUser) -> m.User:
        """Create a user, with a role or without."""
        return cast(m.User, await self._call("POST", "/api/v1/users", body=body))

    async def get_user(self, user: str) -> m.User:
        """Show a user."""
        return cast(m.User, await self._call("GET", "/api/v1/users/{user}", path={"user": user}))

    async def update_user(
        self, user: str, body: m.UserChange, *, if_match: str | None = None
    ) -> m.User:
        """Change a user."""
        return cast(
            m.User,
            await self._call(
                "PATCH", "/api/v1/users/{user}", path={"user": user}, body=body, if_match=if_match
            ),
        )

    async def delete_user(self, user: str, *, if_match: str | None = None) -> None:
        """Delete a user with memberships and sessions."""
        await self._call("DELETE", "/api/v1/users/{user}", path={"user": user}, if_match=if_match)

    async def list_sessions(
        self, user: str, *, limit: int | None = None, after: str | None = None
    ) -> m.UserSessionPage:
        """List a user's sessions."""
        return cast(
            m.UserSessionPage,
            await self._call(
                "GET",
                "/api/v1/users/{user}/sessions",
                path={"user": user},
                query={"limit": limit, "after": after},
            ),
        )

    def iter_sessions(self, user: str, *, limit: int | None = None) -> AsyncIterator[m.UserSession]:
        """List a user's sessions, page after page."""
        return self._pages(
            "GET", "/api/v1/users/{user}/sessions", path={"user": user}, query={"limit": limit}
        )

    async def end_sessions(self, user: str, *, if_match: str | None = None) -> None:
        """End all sessions of a user."""
        await self._call(
            "DELETE", "/api/v1/users/{user}/sessions", path={"user": user}, if_match=if_match
        )

    async def end_session(self, user: str, session: str, *, if_match: str | None = None) -> None:
        """End a session of a user."""
        await self._call(
            "DELETE",
            "/api/v1/users/{user}/sessions/{session}",
            path={"user": user, "session": session},
            if_match=if_match,
        )

    async def list_tokens(
        self, user: str, *, limit: int | None = None, after: str | None = None
    ) -> m.AccessTokenPage:
        """List a user's access tokens, never their text."""
        return cast(
            m.AccessTokenPage,
            await self._call(
                "GET",
                "/api/v1/users/{user}/tokens",
                path={"user": user},
                query={"limit": limit, "after": after},
            ),
        )

    def iter_tokens(self, user: str, *, limit: int | None = None) -> AsyncIterator[m.AccessToken]:
        """List a user's access tokens, never their text, page after page."""
        return self._pages(
            "GET", "/api/v1/users/{user}/tokens", path={"user": user}, query={"limit": limit}
        )

    async def create_token(self, user: str, body: m.NewAccessToken) -> m.AccessTokenShown:
        """Make an access token."""
        return cast(
            m.AccessTokenShown,
            await self._call("POST", "/api/v1/users/{user}/tokens", path={"user": user}, body=body),
        )

    async def delete_token(self, user: str, token: str, *, if_match: str | None = None) -> None:
        """Delete an access token."""
        await self._call(
            "DELETE",
            "/api/v1/users/{user}/tokens/{token}",
            path={"user": user, "token": token},
            if_match=if_match,
        )

    async def list_memberships(
        self,
        *,
        limit: int | None = None,
        after: str | None = None,
        tenant: str | None = None,
        user: str | None = None,
    ) -> m.MembershipPage:
        """List memberships."""
        return cast(
            m.MembershipPage,
            await self._call(
                "GET",
                "/api/v1/memberships",
                query={"limit": limit, "after": after, "tenant": tenant, "user": user},
            ),
        )

    def iter_memberships(
        self, *, limit: int | None = None, tenant: str | None = None, user: str | None = None
    ) -> AsyncIterator[m.Membership]:
        """List memberships, page after page."""
        return self._pages(
            "GET", "/api/v1/memberships", query={"limit": limit, "tenant": tenant, "user": user}
        )

    async def create_membership(self, body: m.NewMembership) -> m.Membership:
        """Give a user a role."""
        return cast(m.Membership, await self._call("POST", "/api/v1/memberships", body=body))

    async def get_membership(self, membership: str) -> m.Membership:
        """Show a membership."""
        return cast(
            m.Membership,
            await self._call(
                "GET", "/api/v1/memberships/{membership}", path={"membership": membership}
            ),
        )

    async def delete_membership(self, membership: str, *, if_match: str | None = None) -> None:
        """Take a role back."""
        await self._call(
            "DELETE",
            "/api/v1/memberships/{membership}",
            path={"membership": membership},
            if_match=if_match,
        )
