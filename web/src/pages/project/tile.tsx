import { useFragment } from "@apollo/client/react";
import { type MouseEvent, memo, useEffect, useState } from "react";
import { Link } from "react-router";
import type { TileImageFragment } from "../../gql/graphql";
import type { Gallery } from "../../live/gallery";
import { TILE_IMAGE } from "../../live/gallery-documents";
import { useProgress } from "../../live/progress";
import { type Selection, useIsSelected } from "../../live/selection";
import { trailTo } from "../../live/trail";
import { count, counted } from "../../parts/format";
import { StatusBadge } from "../../parts/status";
import classes from "./tile.module.css";

const PATIENCE_MILLISECONDS = 1_000;

interface Props {
  id: string;
  index: number;
  gallery: Gallery;
  /** Null where whoever looks may do nothing with what is selected. */
  selection: Selection | null;
  /** Whether a click selects, too. */
  selecting: boolean;
  /** Whether the Tab key leads to this one of all tiles. */
  reachable: boolean;
}

/** An image in the gallery. It follows its own image alone. */
export const Tile = memo(function Tile(props: Props) {
  const { data, dataState } = useFragment({
    fragment: TILE_IMAGE,
    from: { __typename: "Image", id: props.id },
  });
  const { id, gallery } = props;
  const isLacking = dataState !== "complete";
  useEffect(() => {
    if (!isLacking) return undefined;
    // What was loaded just now is put into the cache within some frames.
    const timer = setTimeout(() => gallery.restore(id), PATIENCE_MILLISECONDS);
    return () => clearTimeout(timer);
  }, [isLacking, gallery, id]);
  if (isLacking) return <TilePlace />;
  return <Shown {...props} image={data} />;
});

/** Where an image will be. */
export function TilePlace() {
  return (
    <div className={classes.tile} aria-hidden>
      <div className={classes.picture} />
      <div className={classes.words}>
        <span className={classes.line} />
        <span className={classes.line} data-short />
      </div>
    </div>
  );
}

function Shown({
  id,
  index,
  gallery,
  selection,
  selecting,
  reachable,
  image,
}: Props & { image: TileImageFragment }) {
  const { name, status } = image;
  const [first] = useState(status);
  const progress = useProgress(id);

  const pick = (event: MouseEvent) => {
    if (!selection || (!selecting && !event.shiftKey)) return;
    event.preventDefault();
    if (event.shiftKey) selection.extend(id, gallery.ids);
    else selection.toggle(id);
  };

  return (
    <div className={classes.tile} data-status={status}>
      <Link
        to={`images/${id}`}
        state={trailTo(index, gallery)}
        className={classes.link}
        data-index={index}
        tabIndex={reachable ? 0 : -1}
        draggable={false}
        onClick={pick}
      >
        <div className={classes.picture}>
          <Thumbnail image={image} gallery={gallery} />
          {status === "PROCESSING" && (
            <span className={classes.progress} style={{ scale: `${progress ?? 0} 1` }} />
          )}
        </div>
        <span className={classes.words}>
          <span className={classes.name} title={name}>
            {name}
          </span>
          <span className={classes.state}>
            <span
              key={status}
              className={classes.badge}
              data-changed={status === first ? undefined : true}
            >
              <StatusBadge status={status} progress={progress} />
            </span>
            <Facts image={image} />
          </span>
        </span>
      </Link>
      {selection && <Check id={id} name={name} gallery={gallery} selection={selection} />}
    </div>
  );
}

function Thumbnail({ image, gallery }: { image: TileImageFragment; gallery: Gallery }) {
  const { id, name, thumbnailUrl } = image;
  const [broken, setBroken] = useState<string | null>(null);
  return (
    <img
      src={thumbnailUrl}
      alt={`Thumbnail of ${name}`}
      className={classes.image}
      data-broken={broken === thumbnailUrl || undefined}
      loading="lazy"
      decoding="async"
      draggable={false}
      onError={() => {
        setBroken(thumbnailUrl);
        gallery.renew(id, thumbnailUrl);
      }}
    />
  );
}

function Facts({
  image: { status, segmentation, error, width, height },
}: {
  image: TileImageFragment;
}) {
  const text =
    status === "FAILED" && error
      ? error.message
      : status === "SEGMENTED" && segmentation
        ? counted(segmentation.cellCount, "cell")
        : `${count(width)} × ${count(height)}`;
  return (
    <span className={`${classes.facts} numbers`} title={text}>
      {text}
    </span>
  );
}

interface CheckProps {
  id: string;
  name: string;
  gallery: Gallery;
  selection: Selection;
}

function Check({ id, name, gallery, selection }: CheckProps) {
  const checked = useIsSelected(selection, id);
  return (
    <label className={classes.check} data-checked={checked || undefined}>
      <input
        type="checkbox"
        tabIndex={-1}
        aria-label={`Select ${name}`}
        checked={checked}
        onChange={() => {}}
        onClick={(event) => {
          if (event.shiftKey) selection.extend(id, gallery.ids);
          else selection.toggle(id);
        }}
      />
    </label>
  );
}
