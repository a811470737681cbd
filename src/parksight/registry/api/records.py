"""Lists and single records of every kind: one set of routes per row of the table of kinds."""

# No postponed annotations here: the routes' types are made at run time.
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field, create_model

from parksight.kernel.errors import ProblemError
from parksight.kernel.permissions import Caller
from parksight.kernel.web import Page, ReadSession, WriteSession, requires, service
from parksight.registry import repository
from parksight.registry.kinds import KINDS, OUT, PATCH, Kind
from parksight.registry.schemas import Clean
from parksight.registry.service import RegistryService

Registry = Annotated[RegistryService, Depends(service("registry"))]
RecordId = Annotated[int, Field(ge=1, le=2**53)]
router = APIRouter()


class ListQuery(BaseModel):
    """What every list can be narrowed by."""

    model_config = ConfigDict(extra="forbid")

    q: Annotated[str | None, Field(max_length=100, pattern=Clean, description="text in code or name")] = None
    active: Annotated[bool | None, Field(description="false: retired records")] = True
    sort: Annotated[str, Field(max_length=40, description="field, or -field for descending")] = "code"
    bbox: Annotated[str | None, Field(max_length=100, description="west,south,east,north in degrees")] = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 50
    offset: Annotated[int, Field(ge=0, le=2**53)] = 0


def parse_bbox(text: str | None) -> tuple[float, float, float, float] | None:
    """``west,south,east,north`` in degrees."""
    if text is None:
        return None
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        raise ProblemError("registry.bbox_invalid", 422, {"value": text}, "bbox") from None
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise ProblemError("registry.bbox_invalid", 422, {"value": text}, "bbox")
    return west, south, east, north


def _query_model(kind: Kind) -> type[ListQuery]:
    fields: dict[str, Any] = {}
    for name in kind.filters:
        annotation = kind.schema.model_fields[name].annotation
        is_id, is_bool = name.endswith("_id"), annotation is bool
        word = Annotated[str | None, Field(max_length=64, pattern=Clean)]
        fields[name] = (bool | None if is_bool else RecordId | None if is_id else word, None)
    return create_model(f"{kind.name.title()}Query", __base__=ListQuery, **fields)


def _routes(kind: Kind) -> APIRouter:
    routes = APIRouter(prefix=f"/{kind.name}", tags=["registry"])
    shown: Any = OUT[kind.name]
    body: Any = kind.schema
    if kind.place_kinds:
        default = kind.place_kinds[0]
        info = kind.schema.model_fields["kind"]
        body = create_model(
            f"{kind.name.title()}In", __base__=kind.schema, kind=(Annotated[str, *info.metadata], default)
        )  # the kind follows from the address
    patch: Any = PATCH[kind.name]
    query: Any = _query_model(kind)
    read = Annotated[Caller, requires(f"registry.{kind.noun}.read")]
    write = Annotated[Caller, requires(f"registry.{kind.noun}.write")]

    @routes.get("", operation_id=f"list_{kind.name}", response_model=Page[shown])
    def listing(caller: read, session: ReadSession, wanted: Annotated[query, Query()]) -> Any:
        filters = {name: getattr(wanted, name) for name in kind.filters}
        statement = repository.listing(
            caller, kind, filters=filters, q=wanted.q, active=wanted.active, box=parse_bbox(wanted.bbox),
            sort=wanted.sort,
        )  # fmt: skip
        items, total = repository.page(session, statement, wanted.limit, wanted.offset)
        return {"items": items, "total": total, "limit": wanted.limit, "offset": wanted.offset}

    @routes.get("/{record_id}", operation_id=f"get_{kind.name}", response_model=shown)
    def one(caller: read, session: ReadSession, record_id: RecordId) -> Any:
        return repository.get(session, caller, kind, record_id)

    @routes.post("", status_code=201, operation_id=f"create_{kind.name}", response_model=shown)
    def create(caller: write, session: WriteSession, registry: Registry, data: body) -> Any:
        return registry.create(session, caller, kind, data)

    @routes.patch("/{record_id}", operation_id=f"update_{kind.name}", response_model=shown)
    def update(
        caller: write, session: WriteSession, registry: Registry, record_id: RecordId, change: patch
    ) -> Any:
        stated = {name: getattr(change, name) for name in change.model_fields_set if name != "version"}
        return registry.update(session, caller, kind, record_id, change.version, stated)

    version = Annotated[int, Query(ge=1, le=2**53, description="the version that was seen")]

    @routes.delete("/{record_id}", operation_id=f"retire_{kind.name}", response_model=shown)
    def retire(
        caller: write, session: WriteSession, registry: Registry, record_id: RecordId, version: version
    ) -> Any:
        """Retire: the record stays readable with ``active`` false."""
        return registry.set_active(session, caller, kind, record_id, version, active=False)

    @routes.post("/{record_id}/restore", operation_id=f"restore_{kind.name}", response_model=shown)
    def restore(
        caller: write, session: WriteSession, registry: Registry, record_id: RecordId, version: version
    ) -> Any:
        return registry.set_active(session, caller, kind, record_id, version, active=True)

    return routes


for _kind in KINDS.values():
    router.include_router(_routes(_kind))
