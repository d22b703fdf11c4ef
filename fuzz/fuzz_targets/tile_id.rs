#![no_main]

sotto_fuzz::target!("tile_id");
