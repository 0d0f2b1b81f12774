package iof

import (
	"bytes"
	"fmt"
	"strconv"

	"feedmill/feed"
)

// sizes reads the sellable items (IOF 4.7).
func (r *Reader) sizes(p *feed.Product) {
	for i := range r.t.Attrs() {
		switch a := &r.t.Attrs()[i]; string(a.Local) {
		case "group_id":
			r.setTrimmed(&p.SizeGroup.ID, a)
		case "group_name":
			r.set(&p.SizeGroup.Name, a)
		case "sizeList":
			r.setTrimmed(&p.SizeList, a)
		}
	}
	for r.child() {
		if string(r.t.Name().Local) != "size" {
			r.unknown("sizes/")
			continue
		}
		p.Sizes = grow(p.Sizes, func(s *feed.Size) { *s = feed.Size{Stock: s.Stock[:0]} })
		r.size(&p.Sizes[len(p.Sizes)-1])
	}
}

func (r *Reader) size(s *feed.Size) {
	var textID string // of 2.x files
	for i := range r.t.Attrs() {
		a := &r.t.Attrs()[i]
		switch string(a.Local) {
		case "id":
			r.setTrimmed(&s.ID, a)
		case "name":
			r.set(&s.Name, a)
		case "panel_name":
			r.set(&s.PanelName, a)
		case "text_id":
			textID = r.string(a.Value)
		case "code":
			r.setTrimmed(&s.Code, a)
		case "code_producer":
			r.setTrimmed(&s.ProducerCode, a)
		case "code_external":
			r.setTrimmed(&s.ExternalCode, a)
		case "weight":
			r.weight("sizes/size/@weight", &s.Weight, a.Value)
		case "weight_net":
			r.weight("sizes/size/@weight_net", &s.WeightNet, a.Value)
		case "min_weight":
			r.weight("sizes/size/@min_weight", &s.WeightMin, a.Value)
		case "max_weight":
			r.weight("sizes/size/@max_weight", &s.WeightMax, a.Value)
		case "priority":
			r.int("sizes/size/@priority", &s.Priority, a.Value)
		}
	}
	if s.PanelName == "" {
		s.PanelName = textID
	}
	for r.child() {
		if name := r.t.Name(); string(name.Local) == "stock" && !isExtension(name) {
			s.Stock = append(s.Stock, r.stock())
			r.skip()
		} else if !r.pricePoint(&s.Prices) {
			r.unknown("size/")
		}
	}
}

// stock reads the attributes of a stock node (IOF 4.8).
func (r *Reader) stock() feed.Stock {
	s := feed.Stock{Warehouse: 1}
	for i := range r.t.Attrs() {
		a := &r.t.Attrs()[i]
		switch string(a.Local) {
		case "id":
			v := bytes.TrimSpace(a.Value)
			n, err := strconv.ParseInt(view(v), 10, 32)
			if err != nil || n < 0 {
				r.warn("sizes/size/stock/@id", fmt.Sprintf("%.40q is not the number of a warehouse: taken for 1", v))
				continue
			}
			s.Warehouse = feed.WarehouseID(n)
		case "quantity":
			r.quantity("sizes/size/stock/@quantity", &s.Quantity, a.Value)
		case "available_stock_quantity":
			r.quantity("sizes/size/stock/@available_stock_quantity", &s.Available, a.Value)
		case "stock_quantity":
			r.quantity("sizes/size/stock/@stock_quantity", &s.Physical, a.Value)
		case "location_id":
			r.setTrimmed(&s.LocationID, a)
		case "location_text_id":
			r.set(&s.Location, a)
		}
	}
	return s
}

// images reads pictures and thumbnails (IOF 4.9).
func (r *Reader) images(p *feed.Product) {
	for r.child() {
		switch string(r.t.Name().Local) {
		case "large":
			for r.child() {
				if string(r.t.Name().Local) != "image" {
					r.unknown("large/")
					continue
				}
				if m := r.picture(); m.URL != "" {
					p.Images = append(p.Images, m)
				}
			}
		case "icons":
			r.icons(p)
		default:
			r.unknown("images/")
		}
	}
}

// icons reads the thumbnails, also where 2.x files have them (IOF 8.1). The
// first of each kind counts.
func (r *Reader) icons(p *feed.Product) {
	for r.child() {
		var dst *feed.Image
		switch string(r.t.Name().Local) {
		case "icon":
			dst = &p.Icon
		case "auction_icon":
			dst = &p.AuctionIcon
		case "group_icon":
			dst = &p.GroupIcon
		default:
			r.unknown("icons/")
			continue
		}
		if m := r.picture(); dst.URL == "" {
			*dst = m
		}
	}
}

// picture reads one picture up to its end.
func (r *Reader) picture() (m feed.Image) {
	changed := ""
	for i := range r.t.Attrs() {
		a := &r.t.Attrs()[i]
		switch string(a.Local) {
		case "url":
			r.setTrimmed(&m.URL, a)
		case "hash":
			r.setTrimmed(&m.Hash, a)
		case "changed":
			r.setTrimmed(&m.Changed, a)
		case "date_changed": // of 2.x files
			changed = r.trimmed(a.Value)
		case "width":
			r.int("images/@width", &m.Width, a.Value)
		case "height":
			r.int("images/@height", &m.Height, a.Value)
		case "priority":
			r.int("images/@priority", &m.Priority, a.Value)
		}
	}
	if m.Changed == "" {
		m.Changed = changed
	}
	if m.URL == "" {
		r.warn("images/@url", "a picture without an address was ignored")
		m = feed.Image{}
	}
	r.skip()
	return m
}

// attachments reads files (IOF 4.10).
func (r *Reader) attachments(p *feed.Product) {
	for r.child() {
		if string(r.t.Name().Local) != "file" {
			r.unknown("attachments/")
			continue
		}
		var f feed.Attachment
		r.file(&f)
		if f.URL == "" {
			r.warn("attachments/file/@url", "a file without an address was ignored")
			continue
		}
		p.Attachments = append(p.Attachments, f)
	}
}

func (r *Reader) file(f *feed.Attachment) {
	for i := range r.t.Attrs() {
		a := &r.t.Attrs()[i]
		switch string(a.Local) {
		case "url":
			r.setTrimmed(&f.URL, a)
		case "name":
			r.set(&f.Name, a)
		case "version":
			r.setTrimmed(&f.Version, a)
		case "priority":
			r.int("attachments/file/@priority", &f.Priority, a.Value)
		case "enable":
			r.setTrimmed(&f.Enable, a)
		case "attachment_file_type":
			r.setTrimmed(&f.FileType, a)
		case "attachment_file_extension":
			r.setTrimmed(&f.Extension, a)
		case "download_log":
			r.flag("attachments/file/@download_log", &f.DownloadLog, a)
		}
	}
	for r.child() {
		switch string(r.t.Name().Local) {
		case "name":
			r.addText(&f.Names, "attachments/file/name")
		case "limitation":
			for i := range r.t.Attrs() {
				switch a := &r.t.Attrs()[i]; string(a.Local) {
				case "downloads":
					r.int("attachments/file/limitation/@downloads", &f.Downloads, a.Value)
				case "days":
					r.int("attachments/file/limitation/@days", &f.Days, a.Value)
				}
			}
			r.skip()
		default:
			r.unknown("file/")
		}
	}
}
